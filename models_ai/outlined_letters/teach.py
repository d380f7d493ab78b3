"""Teaches the recogniser of outlined letters on fonts and writes it as ONNX. Needs PyTorch and onnx, which the product does not.

PYTHONPATH=. python -m models_ai.outlined_letters.teach --fonts /usr/share/fonts --fonts FOLDER --without NAME --out letters.onnx
"""

from __future__ import annotations

import argparse
import random
import re
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from coordinator.modules.drawings.reading.letter_picture import SIDE_PX, letter_picture
from coordinator.modules.drawings.reading.letter_signs import SIGNS
from coordinator.modules.drawings.reading.stroke_signs import _SHAPES
from models_ai.outlined_letters.fonts import Font, Points, hershey_fonts, outline_font, stroke_font

NO_TEXT = re.compile(
    r"symbol|D0500|math|^cm|^ms|rsfs|stmary|wasy|esint|eufm|dsrom|fallback|Z003|cyril|greek|^sy|kochi|amiri|script|goth|unicode"
    r"|humor|dkg|astrology|music|meteor|japanese|cursive|isabella|outline|black|hairline|code",
    re.IGNORECASE,
)
STRANGE = ("⌖", "⊥", "∥", "⏥", "⌭", "◎", "↗", "⌰", "⌯", "⌓")
OTHER_SHARE = 0.06
OTHER = len(SIGNS)
RARE = "@~|!?<>*#&²³\\_="


class Network(nn.Module):
    """Three convolutions which halve the picture, then scores of all signs and of "anything else"."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in ((1, 12), (12, 32), (32, 64)):
            layers += [
                nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(b),
                nn.ReLU(inplace=True),
            ]
        self.look = nn.Sequential(*layers)
        self.tell = nn.Sequential(nn.Flatten(), nn.Dropout(0.2), nn.Linear(64 * 25, OTHER + 1))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.tell(self.look(pictures))


def load_fonts(folders: list[Path]) -> list[list[Font]]:
    """Fonts in families (one name without its style)."""
    found: list[Font | None] = list(hershey_fonts(SIGNS))
    for folder in folders:
        found += [stroke_font(path, SIGNS) for path in sorted(folder.rglob("*.lff"))]
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in (".ttf", ".otf")]
        found += [outline_font(path, SIGNS) for path in paths if not NO_TEXT.search(path.stem)]
    families: dict[str, list[Font]] = {}
    for font in found:
        if font is None or NO_TEXT.search(font.name):
            continue
        family = font.name if not font.filled else re.split(r"[-_]|Bold|Italic|Oblique", font.name)[0]
        families.setdefault(family, []).append(font)
    return list(families.values())


def _varied(paths: list[Points], r: random.Random) -> tuple[list[Points], float, float]:
    """The letter slanted, widened, turned and set on a wrongly measured line, as CAD systems and measuring do."""
    slant = r.choice([0, 0, 0, r.uniform(-0.05, 0.35)])
    wide = r.uniform(0.65, 1.3) if r.random() < 0.7 else 1.0
    turn = np.radians(r.gauss(0, 1.5))
    shape = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) @ np.array(
        [[wide, 0], [-slant, 1]]
    )
    step = r.choice([0, 0, 0.02, 0.04])
    coarse = r.choice([0, 0, 0.02, 0.05, 0.08])
    found = []
    for path in paths:
        turned = path @ shape
        if coarse and len(turned) > 4:
            kept = cv2.approxPolyDP(turned.astype(np.float32)[:, None], coarse, False)[:, 0].astype(float)
            turned = kept if len(kept) > 2 else turned
        found.append(np.round(turned / step) * step if step else turned)
    return found, r.uniform(0.9, 1.12), r.gauss(0, 0.03)


def _strange(fonts: list[list[Font]], r: random.Random) -> tuple[list[Points], bool]:
    """What is no letter: two letters run together, a piece of one, a drafting sign, loose strokes."""
    kind = r.randrange(4)
    if kind == 0:
        return [
            np.array(path, dtype=float) - [0.5, 1] for path in r.choice(_SHAPES[r.choice(STRANGE)])
        ], False
    font = r.choice(r.choice(fonts))
    signs = [sign for sign in SIGNS[:62] if sign in font.letters]
    if kind == 1:
        one, two = font.letters[r.choice(signs)], font.letters[r.choice(signs)]
        width = max(float(p[:, 0].max()) for p in one) + r.uniform(0, 0.1)
        return [*one, *(p + np.array([width, 0.0]) for p in two)], font.filled
    if kind == 2:
        count = r.randrange(2, 6)
        spread = np.array([r.uniform(0.3, 1.5), r.uniform(0.3, 1.3)])
        return [
            np.cumsum(np.random.default_rng(r.randrange(1 << 30)).normal(0, 0.5, (count, 2)), axis=0) * spread
        ], False
    paths = font.letters[r.choice(signs)]
    cut = [path[: max(2, len(path) // 3)] for path in paths if len(path) > 5]
    return cut or [np.array([[0.0, -1.4], [0.0, 0.4]])], False


def samples(fonts: list[list[Font]], count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and places of their signs."""
    r = random.Random(seed)
    pictures = np.zeros((count, 1, SIDE_PX, SIDE_PX), np.uint8)
    answers = np.zeros(count, np.int64)
    drawn = {"⌴": _SHAPES["⌴"], "↧": _SHAPES["↧"], "□": _SHAPES["□"]}
    drawn["√"] = [
        [[(0, 0.6), (0.25, 1), (0.8, 0)]],
        [[(0, 0.55), (0.3, 1), (0.9, -0.1)], [(0, 0.55), (0.6, 0.55)]],
    ]
    for index in range(count):
        if r.random() < OTHER_SHARE:
            paths, filled = _strange(fonts, r)
            answer = OTHER
        else:
            sign = r.choice(SIGNS)
            while sign in RARE and r.random() < 0.6:
                sign = r.choice(SIGNS)
            answer = SIGNS.index(sign)
            if sign in drawn:
                high = r.uniform(0.7, 1.15)
                paths = [(np.array(p, dtype=float) - [0.5, 1]) * high for p in r.choice(drawn[sign])]
                filled = False
            else:
                font = r.choice(r.choice(fonts))
                while sign not in font.letters:
                    font = r.choice(r.choice(fonts))
                paths, filled = font.letters[sign], font.filled
        paths, cap, base = _varied(paths, r)
        # Some writers draw the outline of a filled letter, and some draw strokes thick.
        hollow = filled and r.random() < 0.06
        stroke = r.choice([1, 2, 2, 2, 3]) if not filled else 1
        pictures[index, 0] = letter_picture(paths, cap, base, filled=filled and not hollow, stroke_px=stroke)
        answers[index] = answer
    return pictures, answers


def _named(font: Font, names: list[str]) -> bool:
    return any(font.name.startswith(name) for name in names)


def main() -> None:
    """Teach, print how well letters of unseen fonts are told, write the network."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fonts", type=Path, action="append", required=True)
    options.add_argument("--without", action="append", default=[])
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--count", type=int, default=60_000)
    chosen = options.parse_args()
    torch.set_num_threads(2)
    families = load_fonts(chosen.fonts)
    unseen = [family for family in families if _named(family[0], chosen.without)]
    fonts = [family for family in families if not _named(family[0], chosen.without)]
    network = Network()
    if chosen.out.with_suffix(".pt").exists():
        network.load_state_dict(torch.load(chosen.out.with_suffix(".pt")))
    best = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-3)
    total = chosen.rounds * (chosen.count // 256)
    pace = torch.optim.lr_scheduler.OneCycleLR(best, 4e-3, total_steps=total + 1, pct_start=0.15)
    check = samples(unseen, 4000, 1) if unseen else None
    for number in range(chosen.rounds):
        start = time.time()
        pictures, answers = samples(fonts, chosen.count, 1000 + number)
        network.train()
        lost = 0.0
        for first in range(0, len(answers) - 255, 256):
            shown = torch.from_numpy(pictures[first : first + 256]).float() / 255
            loss = nn.functional.cross_entropy(
                network(shown), torch.from_numpy(answers[first : first + 256]), label_smoothing=0.05
            )
            best.zero_grad()
            loss.backward()
            best.step()
            pace.step()
            lost += float(loss.detach())
        network.eval()
        right = float("nan")
        if check is not None:
            with torch.no_grad():
                right = float(
                    (network(torch.from_numpy(check[0]).float() / 255).argmax(1).numpy() == check[1]).mean()
                )
        print(
            f"{number}: loss {lost / (len(answers) // 256):.3f}, unseen fonts {right:.4f}, {time.time() - start:.0f} s",
            flush=True,
        )
        torch.save(network.state_dict(), chosen.out.with_suffix(".pt"))
    network.eval()
    torch.onnx.export(
        network, (torch.zeros(2, 1, SIDE_PX, SIDE_PX),), str(chosen.out), input_names=["pictures"], output_names=["scores"],
        dynamic_axes={"pictures": {0: "n"}, "scores": {0: "n"}}, opset_version=17, dynamo=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
