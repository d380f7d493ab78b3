"""The steps of the story, in their order."""

from __future__ import annotations

from infra.demo.story import closing, floor, making, ordering, selling, setting_up
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
        "order",
        "Commande du client (PDF) reconnue, rapprochée du devis, ouverte",
        ordering.receive_order,
        ("quote",),
    ),
    Step(
        "routing",
        "Gamme, ordre de fabrication, codes par opération, fiche suiveuse",
        making.release_work_order,
        ("order",),
    ),
    Step(
        "plan",
        "Planning machines et personnes ; une panne donne une proposition",
        making.plan_and_rearrange,
        ("routing", "stations"),
    ),
    Step(
        "start",
        "Codes de la fiche imprimée lus ; badge et code ; sciage et usinage lancés",
        making.start_operations,
        ("routing", "stations"),
    ),
    Step(
        "machine",
        "Machine : cycles OPC UA, états, pièces, mesures, surcharge signalée",
        floor.run_machine,
        ("stations",),
    ),
    Step(
        "cabinet",
        "Armoire : deux photographies reçues, un outil sort, proposition d'achat",
        floor.take_tool,
        ("stations",),
    ),
    Step(
        "outage",
        "Coupure de ligne, stations tuées, courtier redémarré : rien de perdu, rien de doublé",
        floor.cut_line,
        ("cabinet",),
    ),
    Step(
        "finish",
        "Opérations finies : temps, quantités, rebut ; barre débitée, chute créée",
        making.finish_operations,
        ("start",),
    ),
    Step(
        "profit",
        "Rentabilité de l'affaire face au devis ; alerte si elle perd",
        closing.judge_profit,
        ("finish",),
    ),
    Step(
        "invoice",
        "Bon de livraison et facture Factur-X validée",
        closing.deliver_and_invoice,
        ("finish",),
    ),
    Step(
        "trace",
        "Trace de la pièce : plan, lot, machine, personnes, outils, programme, temps ; historique vérifié",
        closing.trace_part,
        ("finish", "machine"),
    ),
)
