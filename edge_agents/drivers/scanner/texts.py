"""French words a scan station answers with."""

TEXTS = {
    "badge.known": "Bonjour {name}. Saisissez votre code PIN.",
    "badge.welcome": "Bonjour {name}. Scannez une opération ou un article.",
    "badge.unknown": "Badge inconnu de cette station.",
    "badge.too_old": "Liste des badges trop ancienne (plus de 72 h) : connexion au serveur nécessaire.",
    "badge.needed": "Badgez d'abord.",
    "pin.needed": "Saisissez votre code PIN.",
    "pin.wrong": "Code PIN incorrect.",
    "pin.locked": "Trop d'essais : badge bloqué sur cette station pour {seconds} s.",
    "logout": "Au revoir.",
    "duplicate": "Code déjà lu à l'instant.",
    "code.unknown": "Code inconnu : enregistré pour vérification.",
    "operation.started": "Opération {operation} démarrée : {label}.",
    "operation.propose": "Opération {operation} en cours : pause, quantités ou fin ?",
    "operation.propose_paused": "Opération {operation} en pause : reprendre ou terminer ?",
    "operation.done": "Opération {operation} déjà terminée.",
    "operation.blocked": "Opération {operation} bloquée : demandez au responsable.",
    "operation.refused": "Action impossible : l'opération {operation} ne permet pas « {action} ».",
    "operation.paused": "Opération {operation} en pause.",
    "operation.resumed": "Opération {operation} reprise.",
    "operation.reported": "Opération {operation} : {good} bonnes, {scrap} rebutées enregistrées.",
    "operation.finished": "Opération {operation} terminée : {good} bonnes, {scrap} rebutées.",
    "operation.none": "Scannez d'abord une opération.",
    "item.known": "{name} ({unit}) : prendre, rendre ou compter ?",
    "item.none": "Scannez d'abord un article.",
    "label.known": "Étiquette fournisseur : quantité reçue ?",
    "label.begun": "Étiquette fournisseur : {count} code lu. Scannez ses autres codes, celui de l'article compris.",
    "label.fields": "Étiquette fournisseur : {count} codes lus. Scannez les suivants ou indiquez la quantité reçue.",
    "label.fields_quantity": "Étiquette fournisseur : {count} codes lus. Quantité reçue : {quantity:g} ?",
    "label.none": "Scannez d'abord l'étiquette du fournisseur.",
    "goods.received": "Réception notée : {quantity:g}. Elle sera rapprochée de la commande.",
    "location.known": "Emplacement {name}.",
    "stock.taken": "Pris : {quantity:g} {unit} de {name}.",
    "stock.returned": "Rendu : {quantity:g} {unit} de {name}.",
    "stock.counted": "Compté : {quantity:g} {unit} de {name}.",
    "comment.added": "Commentaire enregistré.",
    "tool.broken": "Casse de l'outil {tool} enregistrée.",
    "breakdown.reported": "Panne de la machine {machine} signalée.",
    "image.nothing": "Aucun code lisible dans l'image.",
    "input.invalid": "Saisie incomplète : {detail}.",
    "journal.full": "NON ENREGISTRÉ : stockage de la station plein.",
}


def text(key: str, **values: object) -> str:
    """French sentence of a key."""
    return TEXTS[key].format(**values)
