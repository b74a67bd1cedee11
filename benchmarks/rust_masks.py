"""How good masks of rust are, against hand-drawn ones and against every baseline.

    python benchmarks/rust_masks.py RUN MARKED [--only web-] [--sound PHOTOS] [--json FILE]
        [--page FILE --count 24]

MARKED holds images/ and masks/, as `corrosion explain-score` takes it; --only takes those
photographs whose names begin so. RUN is a run or a checkpoint. Judged by pointing game, energy
inside, IoU (Otsu) and pixel average precision, each with a bootstrap interval and paired tests
against the score of masks: that score (rust), the network's part in it (evidence), the plain map,
the same colours without the network (colour alone), and the baselines of `corrosion explain-score`.
Of a network that has learnt from masks or outlines (`corrosion train-masks`) both witnesses are
judged too, and their masks; where it is asked alone, the score is its probability, and there are
neither evidence nor colour alone.
Then the masks as `corrosion predict --masks` cuts them: IoU, error of the share, and how many of
the photographs the intervals of 90 % cover, those from others and, over 200 random halves, those
taken from one half for the other. With --sound, the share that is called rust of photographs
without any, gated by the decision as in predictions, and not. --page draws a number of photographs
beside the network's evidence, the outlined mask and the outlined truth. Seconds are of one
photograph after the other.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from rich.console import Console

from corrosion.data.file_search import find_inputs
from corrosion.data.images import read_image
from corrosion.evaluation.decisions import DETECTED
from corrosion.explanation.baselines import BASELINES
from corrosion.explanation.ground_truth import find_annotated
from corrosion.explanation.localisation import LOCALISATION
from corrosion.explanation.overlay import overlay, write_image
from corrosion.explanation.photographs import explain_photographs
from corrosion.explanation.rust_mask import (
    Evidence,
    JointRust,
    LearntRust,
    rust_evidence,
    rust_mask,
)
from corrosion.explanation.rust_score import rust_score
from corrosion.explanation.share_interval import FROM_OTHERS, ShareInterval, conformal_interval
from corrosion.explanation.summary import summarise
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.mask_writer import outlined
from corrosion.prediction.predict_images import predict
from corrosion.report.explanation_scores import print_scores
from corrosion.report.tables import TextTable
from corrosion.runs import checkpoint_of
from corrosion.system.files import write_json
from corrosion.system.progress import progress

HALVES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("marked", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--sound", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--count", type=int, default=24)
    options = parser.parse_args()
    checkpoint = checkpoint_of(options.run)
    network = load_model(checkpoint)
    annotated = [
        one for one in find_annotated(options.marked) if one.path.name.startswith(options.only)
    ]
    plain = explain_photographs(network, [one.path for one in annotated])
    rows, cut, seconds, drawn = [], [], [], []
    for number, (one, explained) in enumerate(
        zip(progress(annotated, "judging", total=len(annotated)), plain, strict=True)
    ):
        generator = np.random.default_rng((0, number))
        image, truth = explained.image, one.mask()
        started = time.perf_counter()
        evidence = rust_evidence(network, image)
        score = evidence.score(image)
        seconds.append(time.perf_counter() - started)
        maps = {
            "rust": score,
            "gradcam": explained.explanation.map,
            **parts(evidence, image),
            **{name: draw(image, generator) for name, draw in BASELINES.items()},
        }
        rows += [
            {
                "path": str(one.path), "network": "network", "map": name,
                **{measure: judge(values, truth) for measure, judge in LOCALISATION.items()},
            }
            for name, values in maps.items()
        ]  # fmt: skip
        mask = evidence.mask(image)
        if options.page and len(drawn) < options.count:
            shown = overlay(image, maps.get("evidence", maps["gradcam"]))
            pictures = (image, shown, outlined(image, mask), outlined(image, truth))
            drawn.append([framed(picture) for picture in pictures])
        cut.append({**of_mask(mask, truth), **of_witnesses(evidence, image, truth)})
    scores = summarise(pd.DataFrame(rows), method="rust", checkpoints={"network": checkpoint})
    print_scores(scores)
    masks = pd.DataFrame(cut)
    facts = of_masks(masks) | {"seconds a photograph": float(np.mean(seconds))}
    if options.sound:
        facts |= of_sound(network, options.sound)
    table = TextTable.of("masks", ("what", "value"), ((k, f"{v:.3f}") for k, v in facts.items()))
    table.print(Console(soft_wrap=True))
    if drawn:
        columns = 2 if len(drawn) > 1 else 1
        drawn += [[np.full_like(drawn[0][0], 255)] * 4] * (-len(drawn) % columns)
        lines = [np.hstack(line) for line in drawn]
        page = [
            np.hstack(lines[start : start + columns]) for start in range(0, len(lines), columns)
        ]
        write_image(options.page, np.vstack(page))
    if options.json:
        write_json(options.json, {"masks": facts, "shares": cut, **scores.as_dict()})


def parts(evidence: Evidence, image: np.ndarray) -> dict[str, np.ndarray]:
    """What the score of masks is made of."""
    if isinstance(evidence, LearntRust):
        return {}
    if isinstance(evidence, JointRust):
        return {
            "labels": evidence.seen.score(image),
            "U-Net": evidence.learnt.score(image),
            **parts(evidence.seen, image),
        }
    size = image.shape[1::-1]
    return {
        "evidence": cv2.resize(evidence.map, size, interpolation=cv2.INTER_LINEAR),
        "colour alone": rust_score(image, np.ones_like(evidence.map)),
    }


def of_mask(mask: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """A mask's share, the true one, and the IoU of both."""
    return {
        "found": float(mask.mean()),
        "true": float(truth.mean()),
        "iou": float((mask & truth).sum() / (mask | truth).sum()),
    }


def of_witnesses(evidence: Evidence, image: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """The same of each of the two that a mask is made of, where there are two."""
    if not isinstance(evidence, JointRust):
        return {}
    witnesses = {"labels": evidence.seen, "U-Net": evidence.learnt}
    return {
        f"{name}: {what}": value
        for name, one in witnesses.items()
        for what, value in of_mask(one.mask(image), truth).items()
        if what != "true"
    }


def framed(image: np.ndarray, side: int = 200) -> np.ndarray:
    """An image within a white square."""
    scale = (side - 8) / max(image.shape[:2])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    square = np.full((side, side, 3), 255, dtype=np.uint8)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return square


def of_masks(masks: pd.DataFrame) -> dict[str, float]:
    """What the masks are worth as predictions cut them."""
    error = (masks["found"] - masks["true"]).abs()
    generator = np.random.default_rng(0)
    covered, width = [], []
    for _ in range(HALVES):
        order = generator.permutation(len(masks))
        taken, judged = masks.iloc[order[: len(order) // 2]], masks.iloc[order[len(order) // 2 :]]
        interval = conformal_interval(taken["found"].tolist(), taken["true"].tolist())
        covered.append(coverage(interval, judged))
        width.append(np.mean([np.diff(interval.around(share))[0] for share in judged["found"]]))
    before = {
        f"{name}: {what}": value
        for name in ("labels", "U-Net")
        if f"{name}: found" in masks
        for what, value in (
            ("IoU of the mask", float(masks[f"{name}: iou"].mean())),
            (
                "mean absolute error of the share",
                float((masks[f"{name}: found"] - masks["true"]).abs().mean()),
            ),
        )
    }
    own = conformal_interval(masks["found"].tolist(), masks["true"].tolist())
    return {
        "IoU of the mask": float(masks["iou"].mean()),
        "mean absolute error of the share": float(error.mean()),
        "median absolute error of the share": float(error.median()),
        "bias of the share": float((masks["found"] - masks["true"]).mean()),
        "covered by the interval from others": coverage(FROM_OTHERS, masks),
        "covered by that of the other half": float(np.mean(covered)),
        "mean width of that": float(np.mean(width)),
        "scale of the interval from all": own.scale,
        **before,
    }


def coverage(interval: ShareInterval, masks: pd.DataFrame) -> float:
    """The share of photographs whose true share lies in the interval."""
    ends = [interval.around(share) for share in masks["found"]]
    return float(
        np.mean(
            [low <= true <= high for (low, high), true in zip(ends, masks["true"], strict=True)]
        )
    )


def of_sound(network: CorrosionClassifier, folder: Path) -> dict[str, float]:
    """How much of sound photographs is called rust."""
    paths = find_inputs([folder], videos=False)
    found = predict(network, paths)
    shares = []
    for path in progress(paths, "judging sound photographs", total=len(paths)):
        image = read_image(path)
        shares.append(float(rust_mask(network, image).mean()))
    decided = [one.decision == DETECTED for one in found]
    return {
        "sound photographs": len(paths),
        "of these decided corroded": float(np.mean(decided)),
        "share of their pixels called rust": float(np.mean(np.multiply(shares, decided))),
        "the same without the decision": float(np.mean(shares)),
    }


if __name__ == "__main__":
    main()
