"""Whether tiles find small rust in large photographs that the whole view misses.

    python benchmarks/tiles.py RUN MARKED [--ground enlarged] [--count 40] [--sizes 30 60 120]
        [--tiles 224 448 896] [--tta none] [--false-alarms 0.1] [--seed 0] [--json FILE]

RUN is a finished run; its sound test photographs, which it has not learnt from, become grounds of
4,000 x 3,000 px. With --ground enlarged each is one of them, enlarged, with the noise of a camera;
with --ground mosaic each is put together of 130 at their own size, so that every tile shows another
scene. MARKED holds images/ and masks/: the largest patch of rust of a photograph is cut out by its
mask, shrunk until its longer side has the given pixels, and laid somewhere into the ground. The
control is a patch of the same outline and place, cut from a sound photograph: detecting it is a
false alarm about the pasting.

Detection is compared at equal false alarms: the threshold of each method (the whole view; tiles of
each size by each rule) is chosen on the sound grounds of one half so that --false-alarms of them
are called corroded, and judged on the other half, both ways round. Then with thresholds as
`corrosion predict --tiles` chooses them on the validation photographs of the run for 5 % of false
alarms, and for the whole view the checkpoint's own; corrosion is "in either" where the whole view
or the tiles say so, as predictions decide. Printed are shares with Wilson's intervals of 95 %.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from scipy.special import expit

from corrosion.data.geometry import Window
from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.evaluation.intervals import wilson
from corrosion.explanation.ground_truth import Annotated, find_annotated
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.tile_threshold import ChosenThreshold
from corrosion.prediction.tile_validation import choose_threshold, find_validation
from corrosion.prediction.tiled import tile_logits, window_logits
from corrosion.prediction.tiles import TileRule, Tiling
from corrosion.report.tables import TextTable
from corrosion.runs import RunDirectory
from corrosion.system.files import write_json
from corrosion.system.progress import progress

HEIGHT, WIDTH = 3000, 4000
NOISE = 4.0  # grey levels
CELL = 310  # pixels of a photograph in a mosaic
RULES = (TileRule("max"), TileRule("kth", k=3), TileRule("share", share=0.01))
CHOSEN_FOR = 0.05

Pixels = NDArray[np.uint8]
Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Patch:
    """Something to be laid into a ground.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        alpha: (h, w, 1) float32 in [0, 1], its outline.
    """

    pixels: Pixels
    alpha: NDArray[np.float32]


def main() -> None:
    options = parse()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run = RunDirectory.of(options.run)
    network = load_model(run.path, device=options.device).to(memory_format=torch.channels_last)
    network.tta = options.tta or network.tta
    split = run.read_split()
    if split is None:
        raise CorrosionError(f"{run.path} has no split: give a finished run.")
    sound = split.loc[(split["split"] == "test") & (split["label"] == 0), "path"].tolist()
    marked = [
        one for one in find_annotated(options.marked) if one.path.name.startswith(options.only)
    ]
    generator = np.random.default_rng(options.seed)
    tilings = [Tiling(size) for size in options.tiles]
    draw = {"enlarged": enlarged, "mosaic": mosaic}[options.ground]
    scores = [
        look(network, ground, placed(ground, marked, sound, options.sizes, generator), tilings)
        for ground in progress(
            draw(sound, options.count, generator), "looking", total=options.count
        )
    ]
    cases = list(scores[0])
    by_case = {
        case: {name: np.array([one[case][name] for one in scores]) for name in scores[0][case]}
        for case in cases
    }
    console = Console(soft_wrap=True)
    equal(by_case, options.false_alarms).print(console)
    chosen = {
        (tiling, rule): thresholds
        for tiling in tilings
        for rule, thresholds in of_validation(network, run, tiling).items()
    }
    as_predicted(network, by_case, chosen).print(console)
    if options.json:
        plain = {
            case: {name: values.tolist() for name, values in found.items()}
            for case, found in by_case.items()
        }
        write_json(options.json, {"options": str(options), "logits": plain})


def enlarged(sound: Sequence[str], count: int, generator: np.random.Generator) -> Iterator[Pixels]:
    """Grounds that are one photograph each."""
    for path in generator.permutation(sound)[:count]:
        image = read_image(path)
        scale = max(HEIGHT / image.shape[0], WIDTH / image.shape[1])
        size = (
            max(WIDTH, round(image.shape[1] * scale)),
            max(HEIGHT, round(image.shape[0] * scale)),
        )
        large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
        top, left = (large.shape[0] - HEIGHT) // 2, (large.shape[1] - WIDTH) // 2
        ground = Window(top, left, HEIGHT, WIDTH).cut(large)
        noise = generator.normal(0, NOISE, ground.shape[:2]).astype(np.float32)[..., None]
        yield np.clip(ground + noise, 0, 255).astype(np.uint8)


def mosaic(sound: Sequence[str], count: int, generator: np.random.Generator) -> Iterator[Pixels]:
    """Grounds that are many photographs at about their own size."""
    for _ in range(count):
        ground = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
        for top in range(0, HEIGHT, CELL):
            for left in range(0, WIDTH, CELL):
                cell = Window(top, left, CELL, CELL).cut(ground)
                image = read_image(str(generator.choice(sound)))
                side = min(image.shape[:2])
                middle = Window(
                    (image.shape[0] - side) // 2, (image.shape[1] - side) // 2, side, side
                )
                square = cv2.resize(middle.cut(image), (CELL, CELL), interpolation=cv2.INTER_AREA)
                cell[:] = square[: cell.shape[0], : cell.shape[1]]
        yield ground


def placed(
    ground: Pixels,
    marked: Sequence[Annotated],
    sound: Sequence[str],
    sizes: Sequence[int],
    generator: np.random.Generator,
) -> dict[str, tuple[Pixels, Window]]:
    """A ground with rust of each size, and with the control, at one place."""
    one = marked[int(generator.integers(len(marked)))]
    rust = rust_patch(one)
    other = read_image(str(generator.choice(sound)))
    largest = max(sizes)
    top = int(generator.integers(0, HEIGHT - largest))
    left = int(generator.integers(0, WIDTH - largest))
    found = {}
    for size in sizes:
        patch = shrunk(rust, size)
        control = Patch(
            cv2.resize(other, patch.pixels.shape[1::-1], interpolation=cv2.INTER_AREA), patch.alpha
        )
        window = Window(top, left, *patch.pixels.shape[:2])
        found[f"rust {size} px"] = (pasted(ground, patch, window), window)
        found[f"control {size} px"] = (pasted(ground, control, window), window)
    return found


def rust_patch(one: Annotated) -> Patch:
    """The largest connected patch of rust of a photograph."""
    mask = one.mask().astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    left, top, width, height = stats[largest, :4].tolist()
    window = Window(top, left, height, width)
    alpha = (window.cut(labels) == largest).astype(np.float32)[..., None]
    return Patch(window.cut(read_image(one.path)), alpha)


def shrunk(patch: Patch, size: int) -> Patch:
    """A patch whose longer side has so many pixels."""
    scale = size / max(patch.alpha.shape[:2])
    shape = tuple(max(1, round(side * scale)) for side in patch.alpha.shape[1::-1])
    pixels, alpha = (
        cv2.resize(one, shape, interpolation=cv2.INTER_AREA) for one in (patch.pixels, patch.alpha)
    )
    return Patch(pixels, alpha[..., None])


def pasted(ground: Pixels, patch: Patch, window: Window) -> Pixels:
    """A copy of a ground with a patch in it."""
    image = ground.copy()
    part = window.cut(image)
    part[:] = np.round(part * (1 - patch.alpha) + patch.pixels * patch.alpha).astype(np.uint8)
    return image


def look(
    network: CorrosionClassifier,
    ground: Pixels,
    cases: dict[str, tuple[Pixels, Window]],
    tilings: Sequence[Tiling],
) -> dict[str, dict[str, float]]:
    """Scores (calibrated logits) of a ground and its cases, by method.

    Of a case only the tiles that its patch lies in are looked at anew: the others are the same.
    """
    whole = Window(0, 0, HEIGHT, WIDTH)
    found = {"sound": {"whole": float(window_logits(network, ground, [whole], 1)[0])}}
    for case, (image, _) in cases.items():
        found[case] = {"whole": float(window_logits(network, image, [whole], 1)[0])}
    for tiling in tilings:
        grid = tiling.grid(HEIGHT, WIDTH)
        assert grid is not None
        of_sound = tile_logits(network, ground, grid, 32)
        logits = {"sound": of_sound}
        for case, (image, patch) in cases.items():
            logits[case] = of_sound.copy()
            changed = [k for k, window in enumerate(grid.windows) if overlap(window, patch)]
            windows = [grid.windows[k] for k in changed]
            logits[case][changed] = window_logits(network, image, windows, 32)
        for case, values in logits.items():
            found[case] |= {name_of(tiling, rule): rule.score(values) for rule in RULES}
    return {
        case: {name: value / network.temperature for name, value in values.items()}
        for case, values in found.items()
    }


def overlap(one: Window, other: Window) -> bool:
    rows = one.top < other.top + other.height and other.top < one.top + one.height
    return rows and one.left < other.left + other.width and other.left < one.left + one.width


def name_of(tiling: Tiling, rule: TileRule) -> str:
    return f"tiles {tiling.size}, {rule.name}"


def equal(by_case: dict[str, Scores], false_alarms: float) -> TextTable:
    """Detection of each method at equal false alarms, by cross-fitting."""
    cases = [case for case in by_case if case != "sound"]
    rows = []
    for name, sound in by_case["sound"].items():
        half = np.arange(len(sound)) % 2 == 0
        cut = np.where(
            half, quantile(sound[~half], false_alarms), quantile(sound[half], false_alarms)
        )
        rows.append((name, *(share(by_case[case][name] > cut) for case in ("sound", *cases))))
    title = f"at {false_alarms:.0%} false alarms on the other half"
    return TextTable.of(title, ("method", "false alarms", *cases), rows)


def quantile(sound: NDArray[np.float64], false_alarms: float) -> float:
    """The logit above which so large a share of sound photographs lies, as predictions do it."""
    allowed = max(1, int(false_alarms * (len(sound) + 1)))
    return float(np.sort(sound)[-allowed])


def of_validation(
    network: CorrosionClassifier, run: RunDirectory, tiling: Tiling
) -> dict[TileRule, ChosenThreshold]:
    """The thresholds that predictions use, by rule."""
    validation = find_validation(run.best, None)
    first = choose_threshold(
        network, validation, tiling=tiling, rule=RULES[0], false_alarms=CHOSEN_FOR
    ).thresholds
    return {rule: ChosenThreshold(first.sound, rule, CHOSEN_FOR) for rule in RULES}


def as_predicted(
    network: CorrosionClassifier,
    by_case: dict[str, Scores],
    chosen: dict[tuple[Tiling, TileRule], ChosenThreshold],
) -> TextTable:
    """Detection with the thresholds of predictions."""
    whole = {case: expit(found["whole"]) >= network.threshold for case, found in by_case.items()}
    rows: list[Any] = [("whole", "", *map(share, whole.values()))]
    for (tiling, rule), thresholds in chosen.items():
        grid = tiling.grid(HEIGHT, WIDTH)
        assert grid is not None
        cut, name = thresholds.at(len(grid)), name_of(tiling, rule)
        above = {case: expit(found[name]) >= cut.value for case, found in by_case.items()}
        either = {case: found | whole[case] for case, found in above.items()}
        rows.append((name, f"{cut.value:.7f} ({cut.basis})", *map(share, above.values())))
        rows.append((f"{name}, in either", "", *map(share, either.values())))
    columns = ("method", "threshold", "false alarms", *(one for one in by_case if one != "sound"))
    return TextTable.of("as predicted, threshold from validation", columns, rows)


def share(found: NDArray[np.bool_]) -> str:
    low, high = wilson(found.sum(), found.size)
    return f"{found.mean():.2f} ({low:.2f}-{high:.2f})"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("marked", type=Path)
    parser.add_argument("--only", default="web-")
    parser.add_argument("--ground", choices=("enlarged", "mosaic"), default="enlarged")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--sizes", type=int, nargs="+", default=(30, 60, 120))
    parser.add_argument("--tiles", type=int, nargs="+", default=(224, 448, 896))
    parser.add_argument("--false-alarms", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tta", help="instead of the network's own, as none")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
