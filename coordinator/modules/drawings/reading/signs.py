"""Drafting signs hidden behind letters: fonts of CAD systems which show Ø, ⌴ or ⌖ where the text layer says "n", "v" or "j".

The letters of the fonts AMGDT, AIGDT, SWGDT, GDT… follow one table (the shapes of the GDT font of 1996). Fonts without a table
of their own put the same letters into the private zone U+F000…U+F0FF.
"""

from __future__ import annotations

import re

_GDT_LETTERS = {
    "a": "∠", "b": "⊥", "c": "⏥", "d": "⌓", "e": "○", "f": "∥", "g": "⌭", "h": "↗", "i": "⌯", "j": "⌖", "k": "⌒",
    "l": "Ⓛ", "m": "Ⓜ", "n": "Ø", "o": "□", "p": "Ⓟ", "q": "℄", "r": "◎", "s": "Ⓢ", "t": "⌰", "u": "⏤", "v": "⌴",
    "w": "⌵", "x": "↧", "y": "⌲", "z": "⌳",
}  # fmt: skip
# Adobe's Symbol encoding, where a text layer keeps its raw codes.
_SYMBOL_CODES = {0xB0: "°", 0xB1: "±", 0xB4: "×", 0xC6: "Ø", 0x66: "Ø", 0x46: "Ø", 0xA2: "'", 0xB2: '"', 0xD0: "∠", 0x5E: "⊥",
                 0xA3: "≤", 0xB3: "≥", 0xBB: "≈", 0x6D: "µ", 0x2D: "-", 0x2B: "+"}  # fmt: skip
_GDT_FONT = re.compile(r"gdt|gd&t|geometric", re.IGNORECASE)
_SYMBOL_FONT = re.compile(r"^(?:[A-Z]{6}\+)?symbol", re.IGNORECASE)
_SAME = {
    "\ufb01": "fi", "\ufb02": "fl", "\u00ad": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2212": "-",
    "\u2300": "Ø", "\u2205": "Ø", "\u00f8": "Ø", "\u03a6": "Ø", "\u03c6": "Ø", "\u03d5": "Ø", "\u29b0": "Ø",
    "\u2a2f": "×", "\u2715": "×", "\u02da": "°", "\u00ba": "°", "\u2032": "'", "\u2019": "'", "\u00b4": "'", "\u2033": '"',
    "\u201d": '"', "\u25a1": "□", "\u2610": "□", "\u25fb": "□", "\u2b1c": "□", "\u2294": "⌴", "\u2423": "⌴", "\u21a7": "↧",
    "\u2913": "↧", "\u2356": "↧", "\u27c2": "⊥", "\u2225": "∥", "\u2016": "∥", "\u2afd": "∥", "\u25b1": "⏥", "\u2295": "⌖", "\u25ce": "◎",
    "\u25ef": "○", "\u25cb": "○", "\u2b58": "○", "\u2197": "↗", "\u2b08": "↗", "\u232d": "⌭", "\u2330": "⌰", "\u23e4": "⏤", "\u2313": "⌓",
    "\u2312": "⌒", "\u24c2": "Ⓜ", "\u24c1": "Ⓛ", "\u24c5": "Ⓟ", "\u24ba": "Ⓔ", "\u24c8": "Ⓢ",
}  # fmt: skip


def sign_of(char: str, font: str) -> str:
    """The sign a character of a font shows; characters without a meaning of their own stay as they are."""
    code = ord(char)
    private = 0xF000 <= code <= 0xF0FF
    if private:
        code -= 0xF000
        char = chr(code)
    if _SYMBOL_FONT.match(font) and code in _SYMBOL_CODES and (private or code > 0x7F):
        return _SYMBOL_CODES[code]
    if (private or _GDT_FONT.search(font)) and char in _GDT_LETTERS:
        return _GDT_LETTERS[char]
    return _SAME.get(char, char)
