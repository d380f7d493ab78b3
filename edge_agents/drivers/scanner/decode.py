"""Codes in images: zxing-cpp first, pyzbar second; then prepared pictures, and symbols compared with models of them."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.scanner import datamatrix, focus, linear, profiles, qrcode, regions, voting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_PYZBAR_NAMES = {
    "QRCODE": "QRCode",
    "CODE128": "Code128",
    "CODE39": "Code39",
    "EAN13": "EAN13",
    "EAN8": "EAN8",
}
# A check digit or none lets chance bars pass: several lines must say the same, and enlarging repeats each line.
_AGREEING_LINES = 3
_BARS = {"Code128", "Code39", "Code93", "EAN13", "EAN8", "UPCA", "UPCE", "ITF", "Codabar"}
_WEAK_BARS = {"UPCE", "ITF", "Codabar"}
_THIN_PX, _THIN_SHARE = 8, 0.05
# Symbologies whose own check makes a wrong reading unlikely on a picture that had to be forced.
_SURE = {
    "Code128",
    "Code39",
    "Code93",
    "EAN13",
    "EAN8",
    "UPCA",
    "QRCode",
    "DataMatrix",
    "Aztec",
    "PDF417",
}
PATIENCE_S = 10.0
_FILE_PATIENCE_S = 25.0
"""A file is not waited for by a hand with a part in it."""
_AS_SEEN = 4
# Shorter interleaved codes appear by chance in any texture.
_ITF_DIGITS = 6
_MAX_SIDE = 1600
_HALF_READ = 4
_SHARPENED = 3
_LEAST_AREA_PX = 150


@dataclass(frozen=True, slots=True)
class Decoded:
    """One code: its text, its symbology (zxing names), its four corners in pixels of the file, and whether it is a GS1 one."""

    text: str
    symbology: str
    polygon: tuple[tuple[int, int], ...]
    is_gs1: bool = False


def load_gray(path: Path) -> Image:
    """Gray image of a file. Raises ``ValueError`` when it cannot be read."""
    import cv2
    import numpy as np

    data = np.fromfile(path, dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None:
        raise ValueError("image illisible")
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 4:
        alpha = image[:, :, 3:4].astype(np.float32) / 255
        image = (image[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.shape[2] == 3 else image[:, :, 0]
    return np.ascontiguousarray(image)


def decode_image(
    image: Image, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
) -> list[Decoded]:
    """All codes of a gray image; the first way of looking which shows any code decides.

    ``patience_s`` (s of ``clock``) bounds the search in an image without a readable code: no new way is tried after it.
    A symbology with a weak check of its own counts only in the image as it is, and only where nothing surer is found.
    """
    end = clock() + patience_s
    doubtful: list[Decoded] = []
    for number, attempt in enumerate(_attempts(image)):
        found = attempt()
        sure = [code for code in found if code.symbology in _SURE]
        if sure:
            return (
                [code for code in found if code in sure or _apart(code, sure)] if number < _AS_SEEN else sure
            )
        if number < _AS_SEEN:
            doubtful = doubtful or found
        if clock() > end:
            break
    return doubtful


def _apart(code: Decoded, others: list[Decoded]) -> bool:
    """Whether a code stands elsewhere than all others: a part of the bars of one can look like another kind."""
    for other in others:
        gaps = []
        for axis in (0, 1):
            own, its = [p[axis] for p in code.polygon], [p[axis] for p in other.polygon]
            gaps.append(max(min(own), min(its)) - min(max(own), max(its)))
        if max(gaps) <= 0:
            return False
    return True


def _attempts(image: Image) -> Iterator[Callable[[], list[Decoded]]]:
    """Ways of looking, the cheap and fruitful ones first."""
    prepared = _preparations(image)
    yield from _read_by_all(image, itertools.islice(prepared, 3 if max(image.shape) > _MAX_SIDE else 2))
    for view in regions.bars(image):
        yield functools.partial(_upright_bars, view)
        yield functools.partial(_bars_alone, view)
    yield functools.partial(_half_read, image)
    yield from _read_by_all(image, itertools.islice(prepared, 1))
    for view in regions.blocks(image):
        yield functools.partial(_flat_block, view)
    for view in itertools.islice(regions.blocks(image), _SHARPENED):
        yield functools.partial(_refocused, view)
    for view in regions.bars(image):
        yield functools.partial(_modelled_bars, view)
    for view in regions.blocks(image):
        yield functools.partial(_resampled, view)
    yield from _read_by_all(image, prepared)
    yield functools.partial(_straightened, image)


def _read_by_all(
    image: Image, pictures: Iterable[tuple[Image, float, float]]
) -> Iterator[Callable[[], list[Decoded]]]:
    for picture in pictures:
        yield functools.partial(_zxing_believed, image, *picture)
        yield functools.partial(_pyzbar, *picture)


def _zxing_believed(image: Image, picture: Image, scale: float, offset: float) -> list[Decoded]:
    return _believed(_zxing(picture, scale, offset), image)


def _preparations(image: Image) -> Iterator[tuple[Image, float, float]]:
    """(image, scale, border): from the plain image to ever stronger corrections."""
    import cv2

    yield image, 1.0, 0.0
    side = max(image.shape[:2])
    border = max(side // 10, 20)
    framed = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT, value=255)
    yield framed, 1.0, float(border)
    if side > _MAX_SIDE:
        scale = _MAX_SIDE / side
        yield cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale, 0.0
    for scale in (2.0, 3.0, 0.5):
        if side * scale > 3200 or side * scale < 60:
            continue
        method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        yield cv2.resize(framed, None, fx=scale, fy=scale, interpolation=method), scale, border * scale
    equal = cv2.createCLAHE(3.0, (8, 8)).apply(framed)
    yield equal, 1.0, float(border)
    smooth = cv2.GaussianBlur(framed, (0, 0), 1.5)
    yield smooth, 1.0, float(border)
    yield cv2.addWeighted(framed, 2.5, cv2.GaussianBlur(framed, (0, 0), 3), -1.5, 0), 1.0, float(border)
    yield cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1], 1.0, float(border)
    for block in (31, 81):
        local = cv2.adaptiveThreshold(
            smooth, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, block, 8
        )
        yield local, 1.0, float(border)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    yield cv2.morphologyEx(smooth, cv2.MORPH_CLOSE, kernel), 1.0, float(border)
    yield cv2.morphologyEx(smooth, cv2.MORPH_OPEN, kernel), 1.0, float(border)


def _straightened(image: Image) -> list[Decoded]:
    """Codes whose corners are found although they cannot be read as seen: turned flat, enlarged, read again."""
    import cv2
    import numpy as np

    detector = cv2.QRCodeDetector()
    side, border = 420, 60
    target = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32) + border
    for source in (image, cv2.createCLAHE(3.0, (8, 8)).apply(image), cv2.GaussianBlur(image, (0, 0), 1.5)):
        seen, corners = detector.detectMulti(source)
        for quad in corners if seen else ():
            points = np.array(quad, np.float32)
            matrix = cv2.getPerspectiveTransform(points, target)
            size = (side + 2 * border, side + 2 * border)
            flat = cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_CUBIC, borderValue=255)
            polygon = tuple((round(float(x)), round(float(y))) for x, y in points)
            for candidate in (flat, cv2.threshold(flat, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]):
                read = _zxing(candidate, 1.0, 0.0) or _pyzbar(candidate, 1.0, 0.0)
                if read:
                    return [Decoded(read[0].text, read[0].symbology, polygon)]
    return []


def _upright_bars(view: regions.View) -> list[Decoded]:
    """Bars averaged along their length, which takes noise, gaps and stains out."""
    import cv2

    height = view.image.shape[0]
    for share in (0.02, 0.08, 0.25):
        smooth = cv2.blur(view.image, (1, max(3, round(share * height))))
        for candidate in (smooth, cv2.createCLAHE(3.0, (1, 8)).apply(smooth), 255 - smooth):
            read = _believed(_zxing(candidate, 1.0, 0.0), view.image)
            if read:
                return [_placed(code, view) for code in read]
    return []


def _bars_alone(view: regions.View) -> list[Decoded]:
    """Bars without light at their ends: each stretch cut free of what lies around, the text of several taken."""
    import zxingcpp

    lines, (left, right, top, bottom) = profiles.stretches(view.image)
    for name in ("Code128", "EAN13", "EAN8"):
        text = voting.winner(voting.tally(lines, [getattr(zxingcpp.BarcodeFormat, name)]))
        if text is not None:
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            return [Decoded(text, name, view.place(corners))]
    return []


def _modelled_bars(view: regions.View) -> list[Decoded]:
    """Bars too blurred to be measured: compared with models."""
    for number, (profile, left, top, bottom) in enumerate(profiles.across(view.image)):
        reading = linear.read_profile(profile)
        if reading is not None:
            ends = (left + reading.start_px, left + reading.end_px)
            corners = [(ends[0], top), (ends[1], top), (ends[1], bottom), (ends[0], bottom)]
            return [
                Decoded(code.text, code.symbology, view.place(corners))
                for code in _zxing(linear.draw(reading.modules), 1.0, 0.0)
            ]
        if number == 1:
            break
    return []


def _half_read(image: Image) -> list[Decoded]:
    """Matrix codes which a reader sees but cannot correct: turned flat and sampled module by module."""
    import cv2
    import numpy as np
    import zxingcpp

    quads: list[list[tuple[float, float]]] = []
    for code in zxingcpp.read_barcodes(image, return_errors=True):
        if getattr(code.format, "name", "") in {"QRCode", "DataMatrix"}:
            place = code.position
            corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
            quads.append([(float(p.x), float(p.y)) for p in corners])
    seen, found = cv2.QRCodeDetector().detectMulti(image)
    quads += [[(float(x), float(y)) for x, y in quad] for quad in (found if seen else ())]
    for quad in quads[:_HALF_READ]:
        points = np.array(quad, np.float32)
        if cv2.contourArea(points) < _LEAST_AREA_PX:
            continue
        view, frame = regions.flat(image, points)
        read = _sampled_view(view, [frame])
        if read:
            return read
    return []


def _flat_block(view: regions.View) -> list[Decoded]:
    """A matrix code turned flat; dots of a punched code are grown until they touch."""
    for candidate in _block_preparations(view.image):
        read = _zxing(candidate, 1.0, 0.0)
        if read:
            return [_placed(code, view) for code in read]
    return []


def _refocused(view: regions.View) -> list[Decoded]:
    """A matrix code out of focus: the blur is undone, whatever its size."""
    import zxingcpp

    formats = zxingcpp.BarcodeFormat.DataMatrix | zxingcpp.BarcodeFormat.QRCode
    for picture, scale in focus.sharpened(view.image):
        read = _zxing(picture, scale, 0.0, formats)
        if read:
            return [_placed(code, view) for code in read]
    return []


def _resampled(view: regions.View) -> list[Decoded]:
    """A matrix code found by the modules known beforehand and sampled module by module."""
    return _sampled_view(view, list(datamatrix.frames(view.image)))


def _sampled_view(view: regions.View, frames: list[Image]) -> list[Decoded]:
    import zxingcpp

    formats = zxingcpp.BarcodeFormat.DataMatrix | zxingcpp.BarcodeFormat.QRCode
    height, width = view.image.shape
    corners = view.place([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)])
    pictures = itertools.chain(qrcode.redrawn(view.image, frames), datamatrix.redrawn(view.image, frames))
    for picture in pictures:
        for code in zxingcpp.read_barcodes(
            picture, formats=formats, is_pure=True, try_invert=False, text_mode=zxingcpp.TextMode.Plain
        ):
            if code.text:
                return [Decoded(code.text, code.format.name, corners)]
    return []


def _block_preparations(image: Image) -> Iterator[Image]:
    import cv2

    stretched = cv2.normalize(image, image.copy(), 0, 255, cv2.NORM_MINMAX)
    side = max(image.shape)
    yield stretched
    for share in (0.006, 0.012):
        smooth = cv2.GaussianBlur(stretched, (0, 0), share * side)
        yield smooth
        yield cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
        block = max(31, side // 6) | 1
        yield cv2.adaptiveThreshold(smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, 4)
    for share in (0.01, 0.02):
        reach = max(3, round(share * side)) | 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        for grown in (cv2.erode(stretched, kernel), cv2.dilate(stretched, kernel)):
            yield cv2.GaussianBlur(grown, (0, 0), 0.004 * side)


def _placed(code: Decoded, view: regions.View) -> Decoded:
    return replace(code, polygon=view.place([(float(x), float(y)) for x, y in code.polygon]))


def _zxing(image: Image, scale: float, offset: float, formats: Any = None) -> list[Decoded]:
    import zxingcpp

    found = []
    wanted = {} if formats is None else {"formats": formats}
    for code in zxingcpp.read_barcodes(image, text_mode=zxingcpp.TextMode.Plain, **wanted):
        place = code.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        polygon = tuple((round((p.x - offset) / scale), round((p.y - offset) / scale)) for p in corners)
        name = getattr(code.format, "name", str(code.format))
        if name == "ITF" and len(code.text) < _ITF_DIGITS:
            continue
        if name in _WEAK_BARS and _is_thin(polygon):
            continue
        # Nothing at all is a symbol without errors, too: an even surface must not become a code.
        if text := code.text or bytes(code.bytes).decode("latin-1"):
            is_gs1 = code.content_type == zxingcpp.ContentType.GS1
            found.append(Decoded(text, str(name), polygon, is_gs1))
    return found


def _believed(found: list[Decoded], image: Image) -> list[Decoded]:
    """Codes with the texts their stretches vote for; bars that were seen in few lines or in two ways need such votes.

    ``image`` is the picture the codes have their places in.
    """
    kept: list[Decoded] = []
    for code in found:
        if code.symbology in _BARS:
            rivals = [other for other in found if other.text != code.text and not _apart(other, [code])]
            in_doubt = bool(rivals) or _is_thin(code.polygon)
            text = voting.text_of(image, code.polygon, code.text, code.symbology, in_doubt=in_doubt)
            if text is None:
                continue
            code = replace(code, text=text)
        if all(other.text != code.text or _apart(other, [code]) for other in kept):
            kept.append(code)
    return kept


def _is_thin(polygon: tuple[tuple[int, int], ...]) -> bool:
    """Whether bars were seen in a few neighbouring lines only, as chance shows them in a texture."""
    (ax, ay), (bx, by), (_cx, _cy), (dx, dy) = polygon
    sides = math.hypot(bx - ax, by - ay), math.hypot(dx - ax, dy - ay)
    return min(sides) < max(_THIN_PX, _THIN_SHARE * max(sides))


def _pyzbar(image: Image, scale: float, offset: float) -> list[Decoded]:
    try:
        from pyzbar import pyzbar
    except ImportError:
        return []
    found = []
    for code in pyzbar.decode(image):
        if code.type not in _PYZBAR_NAMES:
            continue
        name = _PYZBAR_NAMES[code.type]
        if not code.data or (name in _BARS and code.quality < _AGREEING_LINES * max(scale, 1.0)):
            continue
        polygon = tuple((round((p.x - offset) / scale), round((p.y - offset) / scale)) for p in code.polygon)
        try:
            text = code.data.decode("utf-8")
        except UnicodeDecodeError:
            text = code.data.decode("latin-1")
        found.append(Decoded(text, name, polygon))
    return found


def decode_files(paths: list[Path]) -> list[dict[str, Any]]:
    """One object per file as in ``usinage scan decode --json``; an unreadable file carries ``error``."""
    results: list[dict[str, Any]] = []
    for path in paths:
        entry: dict[str, Any] = {"file": str(path), "codes": []}
        try:
            image = load_gray(path)
        except (OSError, ValueError) as error:
            entry["error"] = {"code": "image.unreadable", "message": f"{path} : {error}"}
        else:
            entry["codes"] = [
                {"text": code.text, "symbology": code.symbology, "polygon": [list(p) for p in code.polygon]}
                for code in decode_image(image, _FILE_PATIENCE_S)
            ]
        results.append(entry)
    return results
