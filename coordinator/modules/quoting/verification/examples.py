"""Worked quotes of the sample parts, with the comparison of their cycle times: the content of ``docs/quotes``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from coordinator.modules.quoting import worked
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.quote import QuoteRequest, compute
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.verification import bench
from coordinator.modules.quoting.verification.gcode import programs

TABLE_FILE = "temps-de-cycle.md"
_HEAD = """# Temps de cycle : estimés et simulés

Estimation du moteur de chiffrage (coupe + rapides + changements d'outil, sans puis avec les 10 % de sécurité) contre le temps
d'exécution simulé des programmes ISO 6983 écrits à partir des mêmes opérations (`usinage bench quote`). Gamme retenue, puis la
meilleure suivante. Minutes par pièce.

"""


def write_all(folder: Path, quantity: int, on: date) -> Iterator[str]:
    """Quotes, operation lists and programs of every sample found; yields what was written, one line each."""
    shop, compared = default_shop(), list[bench.Comparison]()
    for sample in bench.samples():
        reading = bench.read(sample.files)
        part = from_reading(reading, quantity, sample.material)
        breaks = (2 * quantity, 4 * quantity)
        result = compute([part], shop, QuoteRequest(on, price_break_quantities=breaks))
        number = f"DEV-{sample.name}"
        pdf, listing = worked.write(result, shop, folder, number, on)
        yield f"{sample.name} : {listing}" + (f", {pdf}" if pdf else "")
        sheet = worked.write_inspection(reading, part, folder, f"CONTROLE-{sample.name}", on)
        yield f"{sample.name} : {sheet}"
        options = result.lines[0].options
        compared += [bench.compare(sample.name, part, o) for o in options[:2]]
        for index, (_, text) in enumerate(programs(options[0].route, part) if options else []):
            target = folder / "programmes" / f"{sample.name}-{index + 1}0.nc"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    (folder / TABLE_FILE).write_text(_HEAD + bench.table(compared) + "\n", encoding="utf-8")
    yield f"comparaison : {folder / TABLE_FILE}"
