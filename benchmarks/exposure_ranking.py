"""Whether more rust is told from less: the same parts before and after hours of exposure.

    python benchmarks/exposure_ranking.py CHECKPOINT FOLDER [--noise] [--json FILE]

FOLDER has photographs named NAME-T<hours>[-view].jpg, of parts on a white ground that have rusted
for so many hours. Of two photographs of the same part and view the one with more hours should have
more rust. Printed is, for each way to put a number on a photograph, the share of such pairs that it
ranks right (equal numbers are wrong), over all and by part, with Wilson's interval for pairs that
come in series: the pairs of one part and view share their photographs, so they count as fewer.
With --noise, which takes six times as long, it is printed too how many of the command's changes
are significant, and how many of these are right.

`command` is what `corrosion change` compares: the rusted share, on the overlap where two
photographs could be aligned, 0 where no corrosion is detected. The others leave out the decision,
measure the part without its ground, sum up scores instead of counting pixels above a threshold, or
take the probability alone. Below them are colours that know nothing of the network.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from corrosion.change.measuring import (
    RustShare,
    ShareChange,
    comparable_pixels,
    measure_share,
    share_change,
)
from corrosion.change.rust_index import rust_indices
from corrosion.data.registration import register
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import is_corroded
from corrosion.evaluation.intervals import proportion
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.baselines import cielab
from corrosion.explanation.rust_mask import Evidence, rust_evidence
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.predict_images import predict
from corrosion.system.files import write_json
from corrosion.system.progress import progress

COMMAND = "command: share where both overlap"
INDEX = "command: rust index where both overlap"
_NAME = re.compile(r"(?P<part>.+)-T(?P<hours>\d+)(?:-(?P<view>.+))?")
_BORDER = 20  # pixels at the edges that are ground in every photograph


def main() -> None:
    options = parse()
    files = photographs(options.folder)
    network = load_model(options.checkpoint, device=options.device)
    measures, shares, evidence = {}, {}, {}
    for path in progress(files["path"], "measuring"):
        measures[path], shares[path], evidence[path] = measure(network, path, noise=options.noise)
    pairs = pd.DataFrame(ranked(network, files, measures, shares, evidence, noise=options.noise))
    tables = {"all parts": pairs, **{str(name): rows for name, rows in pairs.groupby("part")}}
    found = []
    for title, rows in tables.items():
        print(f"\n{title}: {len(rows)} pairs of {rows['series'].nunique()} series")
        if options.noise:
            significant = rows["significant"].sum()
            right = (rows["significant"] & rows[COMMAND]).sum()
            print(
                f"  {significant} changes are significant, {right} of them in the right direction"
            )
        for way in pairs.columns.drop(["part", "series", "significant"]):
            share = proportion(rows[way], group=rows["series"])
            found.append({"pairs": title, "way": way, "count": len(rows), **vars(share)})
            print(f"  {way:46} {share.value:.2f} ({share.low:.2f} to {share.high:.2f})")
    if options.json is not None:
        write_json(options.json, found)


def photographs(folder: Path) -> pd.DataFrame:
    """Path, part, series (part and view) and hours of the photographs."""
    rows = []
    for path in sorted(folder.glob("*.jpg")):
        if (name := _NAME.fullmatch(path.stem)) is not None:
            series = f"{name['part']}, view {name['view'] or '0'}"
            rows.append((str(path), name["part"], series, int(name["hours"])))
    if not rows:
        raise CorrosionError(f"{folder} holds no NAME-T<hours>[-view].jpg.")
    return pd.DataFrame(rows, columns=["path", "part", "series", "hours"])


def measure(
    network: CorrosionClassifier, path: str, *, noise: bool
) -> tuple[dict[str, float], RustShare, Evidence]:
    """Numbers of a photograph, its rusted share as the command measures it, and the evidence."""
    image = comparable_pixels(path)
    rule = decision_rule(network)
    [prediction] = predict(network, image)
    assert prediction.probability is not None
    evidence = rust_evidence(network, image)
    score, rust = evidence.score(image), evidence.mask(image)
    detected = is_corroded(prediction.probability, rule.threshold)
    share = RustShare(
        float(rust.mean() * detected), 0.0, 2, prediction.probability, rust & detected
    )
    if noise:
        share = measure_share(network, image, rule)
    lab = cielab(image)
    ground, part = ground_and_part(lab)
    red, yellow = (np.maximum(lab[..., axis], 0) for axis in (1, 2))
    # what the light does to the white ground, it does to the part: balanced against it
    balanced_red, balanced_yellow = (
        np.maximum(lab[..., axis] - ground[axis], 0) for axis in (1, 2)
    )
    return {
        "share, whatever the decision": float(rust.mean()),
        "share of the part, 0 where not detected": float(rust[part].mean() * detected),
        "share of the part, whatever the decision": float(rust[part].mean()),
        "mean score of the part, whatever the decision": float(score[part].mean()),
        "probability of corrosion": prediction.probability,
        "colour: redness": float(red.mean()),
        "colour: redness of the part": float(red[part].mean()),
        "colour: redness of the part, balanced": float(balanced_red[part].mean()),
        "colour: yellowness of the part": float(yellow[part].mean()),
        "colour: yellowness of the part, balanced": float(balanced_yellow[part].mean()),
    }, share, evidence  # fmt: skip


def ground_and_part(lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Colour (3,) of the ground, the median at the edges; pixels (H, W) unlike it, by Otsu."""
    edge = np.ones(lab.shape[:2], dtype=bool)
    edge[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    ground = np.median(lab[edge], axis=0)
    unlike = np.linalg.norm(cv2.GaussianBlur(lab, (0, 0), 4) - ground, axis=2)
    levels = np.clip(unlike * 2.55, 0, 255).astype(np.uint8)
    _, part = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return ground, part.astype(bool)


def ranked(
    network: CorrosionClassifier,
    files: pd.DataFrame,
    measures: dict[str, dict[str, float]],
    shares: dict[str, RustShare],
    evidence: dict[str, Evidence],
    *,
    noise: bool,
) -> Iterator[dict[str, object]]:
    """For each pair, whether each way says that there is more rust after more hours."""
    pairs = [
        (series, old, new)
        for series, rows in files.sort_values("hours").groupby("series")
        for old, new in combinations(rows.itertuples(), 2)
    ]
    for series, old, new in progress(pairs, "comparing"):
        found = compared(network, old.path, new.path, shares, noise=noise)
        yield {
            "part": old.part,
            "series": series,
            "significant": found.significant,
            COMMAND: found.change > 0,
            INDEX: index_grows(old.path, new.path, evidence),
            **{way: measures[new.path][way] > value for way, value in measures[old.path].items()},
        }


def index_grows(old: str, new: str, evidence: dict[str, Evidence]) -> bool:
    """Whether the rust index of the new photograph is the larger one, as the command has it."""
    images = comparable_pixels(old), comparable_pixels(new)
    shapes = images[0].shape[:2], images[1].shape[:2]
    regions = register(*images).regions(*shapes)
    before, after = rust_indices((evidence[old], evidence[new]), images, regions)
    return after > before


def compared(
    network: CorrosionClassifier, old: str, new: str, shares: dict[str, RustShare], *, noise: bool
) -> ShareChange:
    """The command's change; shares of whole photographs are those that are known."""
    images = comparable_pixels(old), comparable_pixels(new)
    registration = register(*images)
    if registration.refused is not None:
        return share_change(shares[old], shares[new])
    regions = registration.regions(images[0].shape[:2], images[1].shape[:2])
    if not noise:
        before, after = (
            replace(one, share=float(one.mask[region].mean()))
            for one, region in zip((shares[old], shares[new]), regions, strict=True)
        )
        return share_change(before, after)
    rule = decision_rule(network)
    before, after = (
        measure_share(network, image, rule, region)
        for image, region in zip(images, regions, strict=True)
    )
    return share_change(before, after)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path, help="a checkpoint, or the directory of a run")
    parser.add_argument("folder", type=Path, help="photographs NAME-T<hours>[-view].jpg")
    parser.add_argument("--noise", action="store_true", help="which changes are significant, too")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    main()
