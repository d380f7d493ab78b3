"""Sizes written beside a welding symbol, and the symbol in words (ISO 2553, AWS A2.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from coordinator.modules.drawings.reading.model import Weld

PROCESS = re.compile(r"^(?:1[1-5]\d|2[1-5]|3\d{2}|[47]\d{1,2}|9[1-4]\d?|TIG|MIG|MAG|WIG)$")
"""Numbers of ISO 4063 and names of processes in the tail of a symbol."""
NAMES = {
    "fillet": "◺", "square": "bout à bout bords droits (I)", "v": "en V", "bevel": "en demi-V", "y": "en Y",
    "bevel_y": "en demi-Y", "u": "en U", "j": "en J", "steep_v": "en V à flancs raides",
    "steep_bevel": "en demi-V à flanc raide", "flare_v": "en V évasé", "flare_bevel": "en demi-V évasé", "flanged": "à bords relevés",
    "edge": "sur chant", "plug": "en bouchon", "spot": "par points", "seam": "à la molette", "surfacing": "de rechargement",
    "back_run": "reprise à l'envers", "stake": "par transpercement",
}  # fmt: skip
"""How a workshop calls the elementary symbols."""
SIDES = {
    "arrow": "côté flèche",
    "other": "côté opposé",
    "both": "des deux côtés",
    "unknown": "côté à confirmer",
}
_NUMBER = r"\d{1,4}(?:[.,]\d+)?|\d+/\d+|\d+-\d+/\d+"
_SIZE = re.compile(rf"^(?P<letter>[aszcd]|Ø)?\s?(?P<size>{_NUMBER})(?P<more>\s.*|\(.*)?$")
_RUNS = re.compile(
    rf"^(?:(?P<count>\d+)\s*[x×]\s*)?(?P<length>{_NUMBER})?\s*(?:[(\-]\s*(?P<pitch>{_NUMBER})\)?)?$",
    re.IGNORECASE,
)
_COUNT_ALONE = re.compile(rf"^(?:\((?P<a>\d+)\)|(?P<b>\d+))\s*(?:\((?P<pitch>{_NUMBER})\))?$")
_POINTS = ("spot", "plug")


def describe(weld: Weld, left: str, right: str, angle: str) -> Weld:
    """Fill in what is written left of the symbol (size), right of it (length) and over it (angle of the groove)."""
    if match := _SIZE.match(left):
        weld.size_letter, weld.size = match["letter"], _number(match["size"])
    if weld.kind in _POINTS and (match := _COUNT_ALONE.match(right)):
        weld.count = int(match["a"] or match["b"])
        weld.pitch = _number(match["pitch"]) if match["pitch"] else None
    elif (match := _RUNS.match(right)) and right:
        weld.count = int(match["count"] or 1)
        weld.length = _number(match["length"]) if match["length"] else None
        weld.pitch = _number(match["pitch"]) if match["pitch"] else None
    elif right:
        weld.remark = right
    if match := re.match(r"^(\d{1,3}(?:[.,]\d+)?)\s?°$", angle):
        weld.angle_deg = _number(match[1])
    return weld


def is_size(text: str) -> bool:
    """Whether a text may stand left of a welding symbol."""
    return _SIZE.match(text) is not None


def is_run(text: str) -> bool:
    """Whether a text may stand right of a welding symbol."""
    return bool(text) and (_RUNS.match(text) is not None or _COUNT_ALONE.match(text) is not None)


def write(weld: Weld, tail: Sequence[str]) -> Weld:
    """Give the weld its tail, its process and the sentence a person reads."""
    weld.tail = " / ".join(tail) or None
    parts = [part for text in tail for part in re.split(r"[/;,\s]+", text)]
    weld.process = next((part for part in parts if PROCESS.match(part.upper())), None)
    size = f"{weld.size_letter or ''}{_french(weld.size)}" if weld.size is not None else ""
    words = [size, NAMES[weld.kind]]
    if weld.length is not None:
        runs = f"{weld.count}×{_french(weld.length)}" if weld.count > 1 else _french(weld.length)
        words.append(runs + (f" ({_french(weld.pitch)})" if weld.pitch is not None else ""))
    elif weld.count > 1:
        words.append(f"{weld.count} fois" + (f" ({_french(weld.pitch)})" if weld.pitch is not None else ""))
    if weld.remark:
        words.append(weld.remark)
    if weld.angle_deg is not None:
        words.append(f"{_french(weld.angle_deg)}°")
    said = [SIDES[weld.side]] if weld.side in SIDES else []
    said += ["sur tout le pourtour"] if weld.all_around else []
    said += ["à souder sur chantier"] if weld.on_site else []
    weld.text = ", ".join([" ".join(word for word in words if word), *said]) + (
        f" ({weld.tail})" if weld.tail else ""
    )
    return weld


def _number(text: str) -> float:
    whole = 0.0
    if "-" in text:
        before, text = text.split("-", 1)
        whole = float(before)
    if "/" in text:
        above, below = text.split("/")
        return whole + float(above) / max(1.0, float(below))
    return float(text.replace(",", "."))


def _french(value: float) -> str:
    return f"{value:g}".replace(".", ",")
