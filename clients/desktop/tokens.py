"""All colours, sizes and type of the office client, light and dark. The look changes here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

FONTS = ("Inter", "Source Sans 3", "Segoe UI", "Noto Sans", "Liberation Sans", "Arial")
BASE_PX = 13
STEP = 4
RADIUS = 6
PAPER = "#ffffff"
SCREEN, ON_SCREEN = "#14181d", "#e6e9ed"
"""Ground of a camera picture in both themes, and words on it."""
ROW_PX = 32
CONTROL_PX = 30
SCALE = {"small": 0.85, "base": 1.0, "large": 1.25, "title": 1.6}


@dataclass(frozen=True)
class Tone:
    """Colours of one status meaning; always shown with a sign and its word."""

    background: str
    text: str


@dataclass(frozen=True)
class Tokens:
    """One theme."""

    name: str
    background: str
    surface: str
    sunken: str
    hover: str
    selected: str
    text: str
    muted: str
    border: str
    border_strong: str
    primary: str
    primary_strong: str
    action: str
    action_hover: str
    on_action: str
    danger: str
    tones: dict[str, Tone]


LIGHT = Tokens(
    name="light",
    background="#f4f4f4",
    surface="#ffffff",
    sunken="#eceff2",
    hover="#f0f4f8",
    selected="#e1edf9",
    text="#333333",
    muted="#5f6772",
    border="#d8dde3",
    border_strong="#8a939e",
    primary="#0055aa",
    primary_strong="#004080",
    action="#0077cc",
    action_hover="#005fa3",
    on_action="#ffffff",
    danger="#a61b14",
    tones={
        "neutral": Tone("#e8ebee", "#4a525c"),
        "info": Tone("#dcebf9", "#00498f"),
        "success": Tone("#daf1df", "#135c2a"),
        "warning": Tone("#fbecc8", "#6e4700"),
        "danger": Tone("#fbdedb", "#8f1710"),
        "muted": Tone("#dfe5eb", "#3b4a5a"),
        "draft": Tone("#ffffff", "#4a525c"),
    },
)

DARK = Tokens(
    name="dark",
    background="#14181d",
    surface="#1c2229",
    sunken="#161b21",
    hover="#232a33",
    selected="#1d3a55",
    text="#e6e9ed",
    muted="#9aa4af",
    border="#2c343d",
    border_strong="#6f7a86",
    primary="#7fbcf0",
    primary_strong="#a5d0f5",
    action="#4da3e6",
    action_hover="#74b8ec",
    on_action="#0b1117",
    danger="#ff9b93",
    tones={
        "neutral": Tone("#2b323a", "#c3cad2"),
        "info": Tone("#16324c", "#a9d3f8"),
        "success": Tone("#163a22", "#a4e3b4"),
        "warning": Tone("#40300b", "#f5d58b"),
        "danger": Tone("#481a17", "#ffb9b3"),
        "muted": Tone("#28323c", "#b9c6d3"),
        "draft": Tone("#1c2229", "#c3cad2"),
    },
)

THEMES = {"light": LIGHT, "dark": DARK}


def px(scale: str, zoom: float = 1.0) -> int:
    """Size of a type step, for a text size between 80 and 150 % (UIX-59)."""
    return round(BASE_PX * SCALE[scale] * zoom)
