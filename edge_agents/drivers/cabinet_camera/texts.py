"""French words for what the camera reports."""

from __future__ import annotations

_REASONS = {
    "dark": "image trop sombre",
    "overexposed": "image surexposée",
    "blurred": "image floue",
    "covered": "vue masquée (main ou objet devant la caméra)",
    "camera_moved": "caméra déplacée",
    "wrong_scene": "ce n'est pas le meuble appris",
    "fiducials_missing": "repères du meuble invisibles",
    "unreadable": "fichier illisible",
    "unlike_taught": "contenu jamais appris",
    "foreign_or_misplaced": "objet étranger ou mal rangé",
    "unlabelled": "pièce sans étiquette : mesurer et étiqueter",
    "no_reference": "aucune image de référence",
    "not_taught": "compartiment jamais appris",
    "needs_scale": "compartiment pesé : l'image ne dit rien",
    "ocr_absent": "lecture de texte non installée sur cette station",
    "label_unread": "étiquette illisible",
    "scale_out_of_range": "pesée hors plage",
    "scale_drift": "balance à tarer",
    "scale_not_learned": "poids unitaire jamais appris",
    "between_counts": "poids entre deux quantités",
}


def reason_text(reason: str | None) -> str | None:
    """Words for a reason code; None stays None."""
    return None if reason is None else _REASONS.get(reason, "image inutilisable")
