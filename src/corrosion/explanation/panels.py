"""Explanations laid out for people: beside the photograph, and in a grid of several networks.

Everything is drawn pixel by pixel, not through a figure of fixed size: a crack that is visible in
the photograph stays visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from corrosion.data.geometry import Pixels, shrink_to
from corrosion.data.labels import CLASSES
from corrosion.evaluation.decisions import decide, is_corroded
from corrosion.explanation.explanation import Explanation
from corrosion.explanation.overlay import DEFAULT_COLORMAP, boxed, heat_map, overlay
from corrosion.explanation.photographs import Photograph
from corrosion.explanation.regions import Regions

GRID_CELL = 320
"""Longest side of a picture in a grid, in pixels."""

_BACKGROUND, _INK, _GREY, _WRONG = (255, 255, 255), (20, 20, 20), (110, 110, 110), (190, 30, 30)
_LEAST_FONT, _LEAST_WIDTH = 13, 600  # pixels; below, captions can't be read


def verdict(explanation: Explanation, *, threshold: float, label: int | None = None) -> str:
    """Word what the network says of an image in a line.

    Args:
        explanation: explanation of the image.
        threshold: probability from which an image counts as corroded.
        label: label of the image, 0 or 1, where it is known.
    """
    decision = decide(explanation.probability, threshold)
    line = f"{decision}, probability {explanation.probability:.3f} (threshold {threshold:g})"
    if explanation.target_probability is not None:
        # first what the map is about: that of corrosion says nothing of the kind
        line = f"{explanation.target} {explanation.target_probability:.3f} if corroded; {line}"
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
        photograph: the photograph with its explanation.
        threshold: see `verdict`.
        label: see `verdict`; where the decision is another, the verdict is red.
        regions: regions of the map, whose boxes are drawn on the overlay.
        colormap: a name of `corrosion.explanation.overlay.COLORMAPS`.

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

    decision = is_corroded(explanation.probability, threshold)
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
        "overlay": drawn if regions is None else boxed(drawn, regions.boxes),
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
        names: names of the networks, which head the columns.
        thresholds: thresholds of the networks.
        cell: longest side of a picture in pixels; photographs are shrunk to it, for comparison
            at a glance.
        colormap: a name of `corrosion.explanation.overlay.COLORMAPS`.

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
            explanation = one.explanation
            decision = int(is_corroded(explanation.probability, threshold))
            text = f"{CLASSES[decision]} {explanation.probability:.3f}"
            if explanation.target_probability is not None:
                text = f"{explanation.target} {explanation.target_probability:.3f}; {text}"
            texts.append(text)
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
    """A photograph and its map with no side longer than `max_side` pixels, as `grid` draws them."""
    explanation = photograph.explanation
    small = replace(explanation, map=shrink_to(explanation.map, max_side))
    return replace(photograph, image=shrink_to(photograph.image, max_side), explanation=small)


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
