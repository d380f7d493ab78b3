"""Signs which the network of drawing lines tells apart; number 0 of its scores is "no sign", these follow."""

SIGNS = (
    " \"#%&'()*+,-./0123456789:;<=>ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]_abcdefghijklmnopqrstuvwxyz"
    "ÀÂÄÅÇÈÉÊËÎÏÔÖÙÛÜßàâäåçèéêëîïôöùûüœ°±Ø↧⌴⌵µ□√∨≤≥"
)
