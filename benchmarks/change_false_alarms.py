"""How often `corrosion change` finds a change where there is none: second views of photographs.

    python benchmarks/change_false_alarms.py CHECKPOINT FOLDER [--count 24] [--seed 0] [--json FILE]

Each photograph of FOLDER is seen a second time by a camera that stands a little elsewhere: its
corners move by up to 6 % of its sides, its exposure by up to 15 %, each colour by up to 3 %, and it
is saved as a JPEG of quality 70 to 95. Nothing has rusted in between. Printed is how many pairs
could be aligned, which share of the changes is significant all the same, with Wilson's interval
(an interval of 95 % promises 5 %), and the mean change with its paired interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.change.measuring import comparable_pixels, measure_share, share_change
from corrosion.change.summary import mean_change
from corrosion.data.file_search import find_inputs
from corrosion.data.registration import register
from corrosion.evaluation.intervals import proportion
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.models.checkpoint import load_model
from corrosion.system.files import write_json
from corrosion.system.progress import progress

_MOVED, _EXPOSURE, _COLOUR = 0.06, 0.15, 0.03
_QUALITY = (70, 96)


def main() -> None:
    options = parse()
    network = load_model(options.checkpoint, device=options.device)
    rule = decision_rule(network)
    generator = np.random.default_rng(options.seed)
    files = find_inputs([options.folder], videos=False)
    chosen = generator.permutation(files)[: options.count]
    changes, aligned, detected = [], 0, 0
    for path in progress(chosen, "comparing"):
        old = comparable_pixels(str(path))
        new = second_view(old, generator)
        registration = register(old, new)
        regions = registration.regions(old.shape[:2], new.shape[:2])
        before, after = (
            measure_share(network, image, rule, region)
            for image, region in zip((old, new), regions, strict=True)
        )
        aligned += registration.refused is None
        detected += max(before.probability, after.probability) >= rule.threshold
        changes.append(share_change(before, after))
    alarms = proportion([one.significant for one in changes])
    sizes = np.abs([one.change for one in changes])
    mean = mean_change([one.change for one in changes])
    print(f"{len(changes)} photographs, corrosion detected in {detected}; {aligned} aligned")
    print(f"significant: {alarms.value:.2f} ({alarms.low:.2f} to {alarms.high:.2f})")
    print(
        f"size of the changes in percentage points: median {100 * np.median(sizes):.2f}, "
        f"largest {100 * sizes.max():.2f}"
    )
    print(f"mean change {100 * mean.change:.2f} ({100 * mean.low:.2f} to {100 * mean.high:.2f})")
    if options.json is not None:
        found = {"aligned": aligned, "detected": detected, "significant": vars(alarms)}
        write_json(
            options.json,
            found | {"changes": [{**vars(one), "significant": one.significant} for one in changes]},
        )


def second_view(image: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """The same surface from elsewhere in another light; its edges leave the picture."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    # outwards, so that nothing is seen that the photograph does not show
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = corners - inwards * generator.uniform(0, _MOVED, (4, 2)) * (width, height)
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    seen = cv2.warpPerspective(image, matrix, (width, height)).astype(np.float32)
    seen *= 1 + generator.uniform(-_EXPOSURE, _EXPOSURE)
    seen *= 1 + generator.uniform(-_COLOUR, _COLOUR, 3)
    pixels = seen.clip(0, 255).astype(np.uint8)
    quality = int(generator.integers(*_QUALITY))
    _, content = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path, help="a checkpoint, or the directory of a run")
    parser.add_argument("folder", type=Path, help="photographs of corroded metal")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
