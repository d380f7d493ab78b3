"""Teaches PP-OCRv6's small line recogniser the lines of drawings and writes it as ONNX. Needs PyTorch and onnx, which the product does not.

    PYTHONPATH=. python -m models_ai.drawing_text.train --base PP-OCRv6_rec_small.onnx --fonts /usr/share --fonts FOLDER --without NAME \
        --minutes 50 --out coordinator/modules/drawings/reading/lines.onnx
"""

from __future__ import annotations

import argparse
import math
import random
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
import torch.distributed as together
from torch import nn

from coordinator.modules.drawings.reading.line_net import LINE_HEIGHT_PX, MIN_LINE_WIDTH_PX, STEP_PX, stacked
from coordinator.modules.drawings.reading.line_signs import SIGNS
from models_ai.drawing_text import pictures, texts
from models_ai.drawing_text.network import Graph

BATCH = 24
LOT = 8  # batches drawn at once and sorted by width
WIDEST_PX = 400
NO_TEXT_SHARE = 0.08
SIDEWAYS_SHARE = 0.03
HALVES_SHARE = 0.06
STROKE_FONT_SHARE = 0.42
FROZEN_UP_TO = "p2o.pd_op.reshape.14.0"
KEPT_SHARE = 0.998  # of the running mean of the weights
TELL_EVERY_S = 60
NOT_LATIN = re.compile(
    r"symbol|D0500|math|^cm|^ms|rsfs|stmary|wasy|esint|eufm|dsrom|fallback|Z003|cyril|greek|^sy|kochi|amiri|script|^goth|unicode"
    r"|dingbat|emoji|humor|dkg|isabella|outline|black|hairline|thin|cursive|icon|last|droid|hb-test|STIXSiz|STIXNon",
    re.IGNORECASE,
)
NOTICE = "Derived from PP-OCRv6_rec_small (PaddlePaddle authors, Apache License 2.0); last layer replaced, weights changed."
Line = tuple[np.ndarray[Any, Any], str, str]  # picture, text, kind
_SAME = str.maketrans({"×": "x", "’": "'", "⌀": "Ø", "–": "-", "²": "2", "³": "3"})


def find_fonts(folders: list[Path], without: list[str]) -> tuple[list[Path], list[Path]]:
    """Stroke fonts and outline fonts with Latin letters, each file name once; none whose name starts with one of ``without``."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix not in (".ttf", ".otf", ".lff") or NOT_LATIN.search(path.stem):
                continue
            if any(path.stem.lower().startswith(name.lower()) for name in without):
                continue
            if path.name not in found and pictures.holds_figures(path):
                found[path.name] = path
    strokes = [
        path for path in found.values() if path.suffix == ".lff" or re.match("osifont|routed", path.stem)
    ]
    return strokes, [path for path in found.values() if path not in strokes]


def draw(fonts: tuple[list[Path], list[Path]], r: random.Random) -> Line:
    """One line: its picture at the height of the network, its text and its kind."""
    while True:
        font, beside = (
            r.choice(fonts[0] if r.random() < STROKE_FONT_SHARE or not fonts[1] else fonts[1]) for _ in "ab"
        )
        kind, text = texts.text(r)
        if r.random() < NO_TEXT_SHARE:
            kind, text = "none", ""
        # A lone figure of an upright text is met by the level pass, lying on its side.
        sideways = r.random() < SIDEWAYS_SHARE
        if sideways:
            kind, text = "size", r.choice("23456789")
        try:
            made = pictures.crop(text, kind, font, (texts.text(r)[1], beside), r)
        except (OSError, ValueError, cv2.error):
            continue
        if made is None:
            continue
        cut = np.rot90(made[0], int(sideways)).copy()
        if not sideways and r.random() < HALVES_SHARE:
            kind, text, cut = "none", "", _half(cut, r)
        picture = pictures.fitted(cut, LINE_HEIGHT_PX, WIDEST_PX)
        if picture is None:
            continue
        text = "".join(sign for sign in text.translate(_SAME) if sign in SIGNS)
        doubles = sum(a == b for a, b in pairwise(text))
        if max(MIN_LINE_WIDTH_PX, picture.shape[1]) // STEP_PX >= len(text) + doubles:
            return picture, text, kind


def _half(picture: np.ndarray[Any, Any], r: random.Random) -> np.ndarray[Any, Any]:
    """The upper or the lower half of a line, as a wrong guess of rows over each other cuts it: no text."""
    height = picture.shape[0]
    start, end = r.choice([(0.0, r.uniform(0.42, 0.56)), (r.uniform(0.44, 0.58), 1.0)])
    part = picture[round(start * height) : max(round(start * height) + 4, round(end * height))]
    pad = round(r.uniform(0, 0.25) * part.shape[0])
    paper = float(np.percentile(picture, 90))
    return cv2.copyMakeBorder(part, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=paper)


def batches(fonts: tuple[list[Path], list[Path]], seed: int) -> Iterator[list[Line]]:
    """Endless batches of invented lines of like width."""
    r = random.Random(seed)
    while True:
        lot = sorted((draw(fonts, r) for _ in range(BATCH * LOT)), key=lambda item: item[0].shape[1])
        starts = list(range(0, len(lot), BATCH))
        r.shuffle(starts)
        for start in starts:
            yield lot[start : start + BATCH]


def decode(scores: np.ndarray[Any, Any]) -> str:
    """The most probable signs of one line, repeats and gaps dropped."""
    best = scores.argmax(axis=1)
    return "".join(
        SIGNS[sign - 1] for sign, last in zip(best, [0, *best[:-1]], strict=True) if sign and sign != last
    ).strip()


def new_network(base: Path) -> Graph:
    """The base network with a last layer for the signs of drawings, begun from the rows which meant them."""
    model = onnx.load(str(base))
    characters = next(item.value for item in model.metadata_props if item.key == "character").split("\n")
    first = {sign: number for number, sign in reversed(list(enumerate(["", *characters, " "])))}
    other = {"⌴": "凵", "⌵": "∨", "↧": "↓", "□": "口", "Ø": "φ", "∨": "V"}
    rows = [0] + [first.get(sign, first.get(other.get(sign, "-"), first["-"])) for sign in SIGNS]
    network = Graph(model)
    network.replace_head(rows)
    return network


class Lesson:
    """The network, its optimiser and the running mean of its weights, which is what gets written."""

    def __init__(self, rank: int, options: argparse.Namespace) -> None:
        self.options, self.first = options, rank == 0
        self.state = options.out.with_suffix(".pt")
        self.network = new_network(options.base)
        self.network.freeze_up_to(FROZEN_UP_TO)
        self.taught = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(self.taught, lr=options.rate, weight_decay=1e-3, betas=(0.9, 0.98))
        self.loss_of = nn.CTCLoss(zero_infinity=True)
        self.step, self.spent_s = 0, 0.0
        self.mean = [weight.detach().clone() for weight in self.taught]
        if options.resume and self.state.exists():
            kept = torch.load(self.state, weights_only=True)
            self.network.load_state_dict(kept["now"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step, self.spent_s = kept["step"], kept["spent"]
            self.mean = [weight.clone() for weight in kept["mean"]]
        self.begun = time.monotonic()

    def seconds(self) -> float:
        """Time spent on the lesson so far, that of an earlier run with it."""
        return self.spent_s + time.monotonic() - self.begun

    def share(self) -> float:
        """How much of the given time is over; all processes get the same answer."""
        share = self.seconds() / (60 * self.options.minutes)
        if self.options.processes > 1:
            shares = torch.tensor([share])
            together.broadcast(shares, 0)
            share = float(shares)
        return share

    def learn(self, lot: list[Line], share: float) -> tuple[float, int]:
        """One step of the optimiser; returns the loss and how many lines were read right before it."""
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.options.rate * min(1.0, (self.step + 1) / 60) * (0.5 + 0.5 * math.cos(math.pi * share))
            )
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.network(torch.from_numpy(stacked([picture for picture, _, _ in lot]))).float()
        likely = scores.log_softmax(2).transpose(0, 1)
        signs = torch.tensor([SIGNS.index(sign) + 1 for _, text, _ in lot for sign in text])
        lengths = torch.tensor([len(text) for _, text, _ in lot])
        loss = self.loss_of(likely, signs, torch.full((len(lot),), likely.shape[0]), lengths)
        self.optimiser.zero_grad()
        loss.backward()
        if self.options.processes > 1:
            _share_gradients(self.taught, self.options.processes)
        nn.utils.clip_grad_norm_(self.taught, 5.0)
        self.optimiser.step()
        self.step += 1
        faded = min(KEPT_SHARE, self.step / (self.step + 20))
        with torch.no_grad():
            for one, weight in zip(self.mean, self.taught, strict=True):
                one.mul_(faded).add_(weight, alpha=1 - faded)
        found = scores.detach().numpy()
        return float(loss.detach()), sum(decode(a) == b for a, (_, b, _) in zip(found, lot, strict=True))

    def keep(self) -> None:
        """Write what a later run needs to go on."""
        part = self.state.with_suffix(".part")
        kept = {"now": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "mean": self.mean}
        torch.save(kept | {"spent": self.seconds(), "step": self.step}, part)
        part.replace(self.state)

    def write(self) -> None:
        """Write the running mean of the weights as ONNX."""
        with torch.no_grad():
            for one, weight in zip(self.mean, self.taught, strict=True):
                weight.copy_(one)
        self.network.write(self.options.out, list(SIGNS), NOTICE)


def teach(rank: int, options: argparse.Namespace) -> None:
    """Run the optimiser for the given time with a rate that falls to nothing; several processes share each step."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(rank)
    if options.processes > 1:
        meeting = f"file://{_meeting(options.out)}"
        together.init_process_group("gloo", init_method=meeting, rank=rank, world_size=options.processes)
    fonts = find_fonts(options.fonts, options.without)
    lesson = Lesson(rank, options)
    if lesson.first:
        print(len(fonts[0]), "stroke fonts,", len(fonts[1]), "outline fonts", flush=True)
    told = time.monotonic()
    losses: list[float] = []
    right = 0
    for lot in batches(fonts, options.seed + 7919 * rank + 104729 * lesson.step):
        share = lesson.share()
        if share >= 1:
            break
        loss, good = lesson.learn(lot, share)
        losses.append(loss)
        right += good
        if lesson.first and time.monotonic() - told > TELL_EVERY_S:
            lines = BATCH * len(losses)
            print(
                f"{share:5.2f} step {lesson.step} loss {np.mean(losses):.3f} right {right / lines:.3f}",
                flush=True,
            )
            lesson.keep()
            told, right = time.monotonic(), 0
            losses.clear()
    if lesson.first:
        lesson.keep()
        lesson.write()


def _meeting(out: Path) -> Path:
    """The file by which the processes find each other."""
    return out.resolve().with_suffix(".meet")


def _share_gradients(taught: list[nn.Parameter], processes: int) -> None:
    """Every process gets the mean of all gradients."""
    given = [weight.grad for weight in taught if weight.grad is not None]
    whole = torch.cat([grad.reshape(-1) for grad in given])
    together.all_reduce(whole)
    for grad, part in zip(given, whole.split([grad.numel() for grad in given]), strict=True):
        grad.copy_(part.view_as(grad) / processes)


def main() -> None:
    """Read the options and teach."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--base", type=Path, required=True)
    options.add_argument("--fonts", action="append", type=Path, required=True)
    options.add_argument("--without", action="append", default=[])
    options.add_argument("--minutes", type=float, default=50)
    options.add_argument("--rate", type=float, default=8e-4)
    options.add_argument("--seed", type=int, default=11)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--resume", action="store_true", help="go on from the weights kept beside --out")
    options.add_argument("--out", type=Path, required=True)
    given = options.parse_args()
    if given.processes == 1:
        teach(0, given)
        return
    _meeting(given.out).unlink(missing_ok=True)
    torch.multiprocessing.spawn(teach, args=(given,), nprocs=given.processes)


if __name__ == "__main__":
    main()
