"""The steps of the story, in their order."""

from __future__ import annotations

from infra.demo.story import floor, selling, setting_up
from infra.demo.story.telling import Step

STEPS = (
    Step(
        "setup",
        "Installation : société, métiers, machines, taux, outils, matière, utilisateurs",
        setting_up.set_up,
    ),
    Step(
        "stations",
        "Stations : demande approuvée, configuration appliquée, en bonne santé",
        setting_up.admit_stations,
        ("setup",),
    ),
    Step("plans", "Plans reçus et gardés tels quels", selling.receive_plans, ("setup",)),
    Step(
        "analysis",
        "Analyse avec confiances ; une personne corrige et valide",
        selling.read_and_validate,
        ("plans",),
    ),
    Step(
        "quote",
        "Devis : opérations, temps, coûts, trois scénarios ; approbation, PDF",
        selling.quote,
        ("analysis",),
    ),
    Step(
        "machine",
        "Machine : cycles OPC UA, états, pièces, mesures, surcharge signalée",
        floor.run_machine,
        ("stations",),
    ),
    Step(
        "cabinet",
        "Armoire : deux photographies, un outil sort, proposition d'achat",
        floor.take_tool,
        ("stations",),
    ),
    Step(
        "outage",
        "Coupure de ligne, stations tuées, courtier redémarré : rien de perdu, rien de doublé",
        floor.cut_line,
        ("cabinet",),
    ),
)
