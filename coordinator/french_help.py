"""French words for the command line library, whose own texts have no French catalogue."""

from __future__ import annotations

import importlib
from typing import Any

from typer.core import TyperCommand, TyperGroup

_TEXTS = {
    "Show this message and exit.": "Affiche cette aide.",
    "Usage:": "Usage :",
    "Options": "Options",
    "Commands": "Commandes",
    "Arguments": "Arguments",
    "Error": "Erreur",
    "No such option: {name}": "Option inconnue : {name}",
    "No such command {name!r}.": "Commande inconnue : {name}.",
    "Missing argument": "Argument manquant",
    "Missing option": "Option manquante",
    "Missing parameter": "Paramètre manquant",
    "Missing command.": "Commande manquante.",
    "Invalid value: {message}": "Valeur refusée : {message}",
    "Invalid value for {param_hint}: {message}": "Valeur refusée pour {param_hint} : {message}",
    "Try '{command} {option}' for help.": "Aide : « {command} {option} ».",
    "Got unexpected extra argument ({args})": "Argument en trop ({args})",
    "required": "obligatoire",
    "default: {default}": "par défaut : {default}",
    "Aborted!": "Interrompu.",
}
_PANELS = {
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commandes",
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "ERRORS_PANEL_TITLE": "Erreur",
    "REQUIRED_LONG_STRING": "[obligatoire]",
    "DEFAULT_STRING": "[par défaut : {}]",
    "ABORTED_TEXT": "Interrompu.",
    "RICH_HELP": "Aide : [blue]« {command_path} {help_option} »[/]",
}


def install() -> None:
    """Make the library speak French in this process."""

    def french(text: str) -> str:
        return _TEXTS.get(text, text)

    names = ("core", "decorators", "exceptions", "formatting", "parser", "types")
    for path in (
        "typer.core",
        "typer.rich_utils",
        *[f"{p}.{n}" for p in ("click", "typer._click") for n in names],
    ):
        module = _module(path)
        if module is not None and hasattr(module, "_"):
            module._ = french
    for command in (TyperCommand, TyperGroup):
        _translate_help_option(command)
    panels = _module("typer.rich_utils")
    for name, text in _PANELS.items():
        if panels is not None and hasattr(panels, name):
            setattr(panels, name, text)


def _translate_help_option(command: Any) -> None:
    original = command.get_help_option

    def get_help_option(self: Any, ctx: Any) -> Any:
        option = original(self, ctx)
        if option is not None:
            option.help = _TEXTS["Show this message and exit."]
        return option

    command.get_help_option = get_help_option


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
