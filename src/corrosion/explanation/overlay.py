"""Explanations drawn: over the photograph, beside it, and in a grid of several networks.

Everything is drawn pixel by pixel, not through a figure of fixed size: a crack that is visible in
the photograph stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from corrosion.data.labels import CLASSES
from corrosion.errors import CorrosionError
from corrosion.explanation.explanation import Explanation, Photograph, fit
from corrosion.explanation.regions import Regions
from corrosion.system.files import replacing

Pixels = NDArray[np.uint8]

COLORMAPS: Mapping[str, int] = MappingProxyType(
    {
        "inferno": cv2.COLORMAP_INFERNO,
        "magma": cv2.COLORMAP_MAGMA,
        "plasma": cv2.COLORMAP_PLASMA,
        "viridis": cv2.COLORMAP_VIRIDIS,
        "cividis": cv2.COLORMAP_CIVIDIS,
        "jet": cv2.COLORMAP_JET,
    }
)
"""Colour maps by name. All but jet are perceptually uniform: equal steps of evidence look equal."""

DEFAULT_COLORMAP = "inferno"
"""Black where there is no evidence, so an empty map leaves the photograph as it is."""

GRID_CELL = 320
"""Longest side of a picture in a grid, in pixels."""

_BACKGROUND, _INK, _GREY, _WRONG = (255, 255, 255), (20, 20, 20), (110, 110, 110), (190, 30, 30)
_BOX = (0, 255, 255)
_LEAST_FONT, _LEAST_WIDTH = 13, 600  # pixels; below, captions can't be read


def check_colormap(colormap: str) -> None:
    """Make sure that a colour map is known.

    Raises:
        CorrosionError: it is not.
    """
    if colormap not in COLORMAPS:
        raise CorrosionError(f"colormap={colormap}: choose {', '.join(COLORMAPS)}.")


def heat_map(values: NDArray[np.float32], *, colormap: str = DEFAULT_COLORMAP) -> Pixels:
    """Colours (H, W, 3) uint8 RGB of values (H, W) in [0, 1].

    Raises:
        CorrosionError: the colour map is unknown.
    """
    levels = cv2.convertScaleAbs(values, alpha=255)
    return cv2.applyColorMap(levels, _colours(colormap)).astype(np.uint8, copy=False)


def overlay(
    image: Pixels,
    values: NDArray[np.float32],
    *,
    colormap: str = DEFAULT_COLORMAP,
    image_weight: float = 0.5,
) -> Pixels:
    """Lay a map over its photograph, as pytorch-grad-cam's `show_cam_on_image` does.

    Mixed in 8 bits, which takes about a sixth of the time; no level differs by more than 1 from
    the library's.

    Like the library's, the mixture is brightened until its brightest level is 255; but no further
    than a white pixel without evidence would be, or else a dark photograph without evidence would
    turn into bright noise.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (H, W) float32 in [0, 1], as `Explanation.map`.
        colormap: a name of `COLORMAPS`.
        image_weight: share of the photograph in the mixture, [0, 1].

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        CorrosionError: the colour map is unknown.
    """
    table = _colours(colormap)
    colours = cv2.applyColorMap((values * 255).astype(np.uint8), table)
    weight = 1 - image_weight
    mixed = cv2.addWeighted(image, image_weight, colours, weight, 0)
    white = image_weight * 255 + weight * table[0].max()
    brightest = mixed == mixed.max()
    peak = (image_weight * image[brightest] + weight * colours[brightest]).max()  # not rounded
    gain = 255 / max(peak, white)
    # OpenCV rounds to the nearest level, the library down
    brightened = cv2.addWeighted(
        image, gain * image_weight, colours, gain * weight, -0.5, dst=mixed
    )
    return brightened.astype(np.uint8, copy=False)


def _colours(colormap: str) -> Pixels:
    """The 256 colours (256, 1, 3) RGB of a map, from no evidence to the strongest."""
    check_colormap(colormap)
    levels = np.arange(256, dtype=np.uint8)[:, None]
    return cv2.cvtColor(cv2.applyColorMap(levels, COLORMAPS[colormap]), cv2.COLOR_BGR2RGB)


def verdict(explanation: Explanation, *, threshold: float, label: int | None = None) -> str:
    """A line that says what the network says.

    Args:
        explanation: of the image.
        threshold: probability from which an image counts as corroded.
        label: 0 or 1 where it is known.
    """
    decision = "corrosion detected" if explanation.probability >= threshold else "no corrosion"
    line = f"{decision}, probability {explanation.probability:.3f} (threshold {threshold:g})"
    if label is not None:
        line += f", labelled {CLASSES[label]}"
    if explanation.empty:
        line += f"; nothing speaks for {explanation.target}"
    return line


def panel(
    photograph: Photograph,
    *,
    threshold: float,
    label: int | None = None,
    regions: Regions | None = None,
    colormap: str = DEFAULT_COLORMAP,
) -> Pixels:
    """Photograph, heat map and overlay side by side, with colour bar and verdict.

    Args:
        photograph: with its explanation.
        threshold: see `verdict`.
        label: likewise; where the decision is another, the verdict is red.
        regions: of the map, whose boxes are drawn on the overlay.
        colormap: a name of `COLORMAPS`.

    Returns:
        (h, w, 3) uint8 RGB; each of the three has the photograph's own resolution.

    Raises:
        CorrosionError: the colour map is unknown.
    """
    image, explanation = photograph.image, photograph.explanation
    height, width = image.shape[:2]
    font = _font(max(_LEAST_FONT, round(min(height, width) / 24)))
    line, gap = round(font.size * 1.4), round(font.size * 0.6)
    bar_width = 2 * gap + round(font.getlength("0.00"))
    content = 3 * width + 4 * gap + bar_width + gap
    canvas = _canvas(3 * line + height + 2 * gap, max(content, _LEAST_WIDTH))
    draw = ImageDraw.Draw(canvas)

    decision = explanation.probability >= threshold
    ink = _WRONG if label is not None and decision != bool(label) else _INK
    texts = [(Path(photograph.path).name, _INK)]
    texts.append((verdict(explanation, threshold=threshold, label=label), ink))
    for row, (text, colour) in enumerate(texts):
        fitted = _fitting(text, font, canvas.width - 2 * gap)
        draw.text((gap, gap // 2 + row * line), text, fill=colour, font=fitted)
    top = 3 * line + gap
    drawn = overlay(image, explanation.map, colormap=colormap)
    parts = {
        "photograph": image,
        f"evidence for {explanation.target}": heat_map(explanation.map, colormap=colormap),
        "overlay": drawn if regions is None else boxed(drawn, regions),
    }
    for column, (name, pixels) in enumerate(parts.items()):
        left = gap + column * (width + gap)
        fitted = _fitting(name, font, width)
        draw.text((left, top - line), name, fill=_GREY, font=fitted)
        canvas.paste(Image.fromarray(pixels), (left, top))
    _colour_bar(canvas, (3 * (width + gap) + gap, top), (gap, height), font, colormap)
    return np.asarray(canvas)


def grid(
    rows: Sequence[Sequence[Photograph]],
    names: Sequence[str],
    *,
    thresholds: Sequence[float],
    cell: int = GRID_CELL,
    colormap: str = DEFAULT_COLORMAP,
) -> Pixels:
    """What several networks see in the same photographs: Figures 8 to 11 of the paper in one.

    Args:
        rows: one a photograph: its explanations by each network, of the same image size.
        names: of the networks, the columns.
        thresholds: of the networks.
        cell: longest side of a picture in pixels; photographs are shrunk to it, for comparison
            at a glance.
        colormap: a name of `COLORMAPS`.

    Returns:
        (h, w, 3) uint8 RGB: a row a photograph, which comes first; under each overlay the network's
        decision and probability.

    Raises:
        CorrosionError: the colour map is unknown.
    """
    font = _font(max(_LEAST_FONT, cell // 20))
    line, gap = round(font.size * 1.4), round(font.size * 0.6)
    header = _canvas(line + gap, gap + (1 + len(names)) * (cell + gap))
    _write_along(header, ("photograph", *names), gap // 2, font, cell + gap)
    strips = [header]
    for row in rows:
        photographs = [shrink(one, cell) for one in row]
        height = photographs[0].image.shape[0]
        strip = _canvas(height + line + gap, header.width)
        texts = [Path(row[0].path).name]
        strip.paste(Image.fromarray(photographs[0].image), (gap, 0))
        for column, (one, threshold) in enumerate(
            zip(photographs, thresholds, strict=True), start=1
        ):
            drawn = overlay(one.image, one.explanation.map, colormap=colormap)
            strip.paste(Image.fromarray(drawn), (gap + column * (cell + gap), 0))
            decision = int(one.explanation.probability >= threshold)
            texts.append(f"{CLASSES[decision]} {one.explanation.probability:.3f}")
        _write_along(strip, texts, height + gap // 4, font, cell + gap)
        strips.append(strip)
    return np.concatenate([np.asarray(strip) for strip in strips])


def _write_along(
    canvas: Image.Image,
    texts: Sequence[str],
    top: int,
    font: ImageFont.FreeTypeFont,
    step: int,
) -> None:
    """Write a line of texts, one every `step` pixels."""
    draw = ImageDraw.Draw(canvas)
    gap = round(font.size * 0.6)
    for column, text in enumerate(texts):
        fitted = _fitting(text, font, step - gap)
        draw.text((gap + column * step, top), text, fill=_INK, font=fitted)


def shrink(photograph: Photograph, max_side: int) -> Photograph:
    """A photograph and its map with no side longer than `max_side`, as `grid` draws them."""
    explanation = photograph.explanation
    small = replace(explanation, map=fit(explanation.map, max_side))
    return replace(photograph, image=fit(photograph.image, max_side), explanation=small)


def write_image(path: Path, pixels: Pixels) -> None:
    """Write pixels (h, w, 3) uint8 RGB to a PNG or JPEG file, whole or not at all.

    Raises:
        CorrosionError: the folder can't be written.
    """
    with replacing(path) as temporary:
        # least compression: three times as fast, a tenth larger
        Image.fromarray(pixels).save(temporary, quality=92, compress_level=1)


def _canvas(height: int, width: int) -> Image.Image:
    return Image.new("RGB", (width, height), _BACKGROUND)


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as Pillow is built with FreeType
    return font


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: int) -> ImageFont.FreeTypeFont:
    """The font, made smaller if the text would be wider than `width` pixels."""
    length = font.getlength(text)
    return font if length <= width else _font(max(6, font.size * width / length))


def boxed(image: Pixels, regions: Regions) -> Pixels:
    """An image (H, W, 3) uint8 RGB with the boxes of its regions."""
    drawn = np.ascontiguousarray(image)
    thickness = max(1, round(min(image.shape[:2]) / 200))
    for box in regions.boxes:
        corner = (box.left + box.width - 1, box.top + box.height - 1)
        cv2.rectangle(drawn, (box.left, box.top), corner, _BOX, thickness)
    return drawn


def _colour_bar(
    canvas: Image.Image,
    corner: tuple[int, int],
    size: tuple[int, int],
    font: ImageFont.FreeTypeFont,
    colormap: str,
) -> None:
    (left, top), (width, height) = corner, size
    ramp = np.linspace(1, 0, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    canvas.paste(Image.fromarray(heat_map(ramp, colormap=colormap)), corner)
    draw = ImageDraw.Draw(canvas)
    for value, anchor in ((1.0, "la"), (0.5, "lm"), (0.0, "ld")):
        position = (left + width + width // 2, top + (1 - value) * (height - 1))
        draw.text(position, f"{value:g}", fill=_INK, font=font, anchor=anchor)
