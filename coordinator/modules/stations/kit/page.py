"""The manual's page « Matériel des stations », written from the parts lists."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from coordinator.modules.stations.kit.data import SMALLEST_PX, Kit, Kits, Part, load, optics
from coordinator.modules.stations.kit.drawing import draw

FOLDER = Path(__file__).resolve().parents[4] / "docs" / "stations"


def euros(value: Decimal) -> str:
    """French amount without cents where there are none."""
    text = f"{value:,.2f}".replace(",", "\u202f").replace(".", ",").removesuffix(",00")
    return f"{text}\u00a0€"


def pages(kits: Kits) -> dict[str, str]:
    """Every generated file by its name."""
    found = {f"{kit.id}.svg": draw(kit) for kit in kits.kits}
    return {"materiel.md": page(kits), **found}


def write(folder: Path = FOLDER) -> list[Path]:
    """Write the page and its drawings; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in pages(load()).items():
        (folder / name).write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written


def page(kits: Kits) -> str:
    """Markdown in French."""
    head = [
        "# Matériel des stations",
        "",
        "Page produite par `usinage station hardware --write` à partir de `firmware_configs/kits.yaml`.",
        "",
        "Prix TTC indicatifs, estimés, à vérifier avant l'achat : le prix des Raspberry Pi et des mémoires change souvent.",
        "Les lettres renvoient aux dessins. Les codes QR suffisent partout : une caméra s'ajoute, elle n'est jamais obligatoire.",
        "",
        "| Station | Modèle de configuration | Total | Exigence |",
        "|---|---|---:|---|",
    ]
    for kit in kits.kits:
        per = f" par {kit.per}" if kit.per else ""
        head.append(
            f"| [{kit.title}](#{kit.id}) | `{kit.template}` | {euros(kit.total_eur)}{per} | {kit.requirement} |"
        )
    body = [line for kit in kits.kits for line in _section(kit)]
    tail = ["", "## Repères imprimés", "", *_markers(), "", "## Contrôle à l'installation", ""]
    return "\n".join([*head, *body, *tail, *[f"- [ ] {point}" for point in kits.checklist], ""])


def _section(kit: Kit) -> list[str]:
    lines = [
        "",
        f'<a id="{kit.id}"></a>',
        "",
        f"## {kit.title}",
        "",
        f"![Montage : {kit.title}]({kit.id}.svg)",
        "",
    ]
    lines += ["| | Pièce | Détail | Nombre | Prix | Total |", "|---|---|---|---:|---:|---:|"]
    lines += [_row(part) for part in kit.parts]
    per = f" par {kit.per}" if kit.per else ""
    lines += [f"| | **Total{per}** | | | | **{euros(kit.total_eur)}** |"]
    if kit.options:
        lines += ["", "En option :", ""]
        lines += [f"- {part.name}, {part.spec} : {euros(part.price_eur)}" for part in kit.options]
    seen = optics(kit.layout)
    if seen is not None:
        lines += [
            "",
            f"Chaque caméra, à {kit.layout.mount_mm:.0f} mm du plan des objets, voit {seen.seen_mm:.0f} mm de large "
            f"pour {seen.needed_mm:.0f} mm utiles, soit {seen.px_per_mm:.1f} pixels par mm : le plus petit objet d'un compartiment "
            f"doit faire au moins {seen.smallest_mm:.0f} mm de large ({SMALLEST_PX} pixels).".replace(
                ".", ",", 1
            ),
        ]
    return lines


def _row(part: Part) -> str:
    total = part.quantity * part.price_eur
    mark = part.mark or ""
    return (
        f"| {mark} | {part.name} | {part.spec} | {part.quantity} | {euros(part.price_eur)} | {euros(total)} |"
    )


def _markers() -> list[str]:
    return [
        "Imprimez-les à 100 %, sans mise à l'échelle, sur papier mat ; mesurez la règle de 100 mm de la feuille avant de coller.",
        "",
        "```",
        "usinage station markers reperes.pdf --fiducials 0,1,2,3 --size 40 --compartments A1:10,A2:11,B1:12",
        "```",
        "",
        "- Quatre repères d'angle, un par coin du plan vu par la caméra, sur un fond clair et plan.",
        "- Un repère par compartiment lu par la méthode `marker`, caché quand l'objet est en place.",
        "- Laissez la marge blanche : elle fait partie du repère.",
    ]
