"""The signs that outlined letters are told as; the last place of the recogniser's answer stands for anything else."""

SIGNS = (
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    ".,:;'\"()[]/\\-_+=*#&%!?<>@|~°±×Øµß²³"
    "ÉÈÊÀÂÇÔÎÙÛÄÖÜËÏéèêàâçôîùûäöüëï"
    "□⌴↧√"
)
