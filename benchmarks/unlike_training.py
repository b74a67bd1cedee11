"""How well distances to the training photographs tell pictures that are not metal.

    python benchmarks/unlike_training.py RUN [--source PHOTOS ...] [--pictures FOLDER ...]

RUN is a finished run, whose best checkpoint looks at the photographs of its split (training, at
most 2,000; validation; test), at generated brick and wood, at those sample pictures of scikit-learn
and, if it is installed, of scikit-image that show no metal, at folders of your own pictures without
metal (--pictures), and at labelled folders of another source (--source).

Of each way to tell what the network doesn't know are printed: false alarms on the test photographs
and the share of each set that is found, with a limit that 95 % of validation keep, and the area
under the ROC curve of each set against the test photographs. The ways are the distance to the
nearest training photograph, as checkpoints keep it; to the 10th and 50th nearest; Mahalanobis'
distance to the nearer class (Lee et al., NeurIPS 2018) and the same less that to all photographs
(Ren et al., 2021), both with Ledoit and Wolf's covariance; and, as the baseline, 1 - maximum
softmax probability (Hendrycks & Gimpel, ICLR 2017). A last table says what joining the first way to
the checkpoint's band does to the decisions that no inspector sees.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.console import Console
from sklearn.covariance import ledoit_wolf
from sklearn.datasets import load_sample_images
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from corrosion.data.curation.policy import inspect
from corrosion.data.curation.screening import screen
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.data.file_search import find_inputs
from corrosion.data.sample.surfaces import brick, wood
from corrosion.data.sources import scan
from corrosion.errors import CorrosionError
from corrosion.evaluation.selective import Band, apply_band
from corrosion.evaluation.unlike_training import COLUMN, unlike_training
from corrosion.explanation.overlay import write_image
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.pooled_features import feature_cache, pooled_by, pooled_features
from corrosion.models.training_distance import (
    ACCEPTED,
    MOST_REFERENCES,
    TrainingDistance,
    as_column,
)
from corrosion.report.tables import TextTable, format_number, with_interval
from corrosion.runs import RunDirectory
from corrosion.settings.data import CurationSettings

NEAREST = "nearest training photograph"
MADE_SIZE = 320  # pixels
OF_METAL = ("clock", "coins", "motorcycle", "rocket")  # sample pictures of scikit-image
Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network sees in N photographs.

    Attributes:
        features: (N, C) float32, pooled.
        probability: (N,) in [0, 1], calibrated.
        label: (N,) 0 or 1; None for pictures that show no metal.
        group: (N,) int64, the same for near-duplicates; None likewise.
    """

    features: Floats
    probability: Floats
    label: NDArray[np.int64] | None = None
    group: NDArray[np.int64] | None = None


Score = Callable[[Seen], Floats]


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)
    run = RunDirectory.of(options.run)
    network, split = load_model(run.path), run.read_split()
    if split is None or network.band is None:
        raise CorrosionError(f"{run.path} has no split or no band: give a finished run.")
    train, val, test = (split[split["split"] == name] for name in ("train", "val", "test"))
    train = train.sample(min(len(train), MOST_REFERENCES), random_state=0)
    known, val, test = (look(network, one) for one in (train, val, test))
    with tempfile.TemporaryDirectory() as folder:
        none_of_metal = {
            "brick and wood": look(network, files(draw(Path(folder), options.made))),
            "sample pictures": look(network, files(sample_pictures(Path(folder)))),
            **{one.name: look(network, files(find_inputs([one]))) for one in options.pictures},
        }
    sources = {one.name: look(network, labelled(one)) for one in options.source}
    scores, console = ways(known), Console(soft_wrap=True)
    rates(scores, val, test, none_of_metal | sources).print(console)
    decisions(network, scores[NEAREST], val, {"test": test, **sources}).print(console)


def look(network: CorrosionClassifier, records: pd.DataFrame) -> Seen:
    records = records.reset_index(drop=True)
    images = CorrosionDataModule(
        records, image_size=network.image_size, resize=network.resize, cache=False
    )
    cache = feature_cache(network) if "content_hash" in records else None
    features = pooled_features(network, images, records, cache)
    with torch.inference_mode():
        logits = network.forward_pooled(torch.tensor(features))
    distance = network.training_distance
    if distance is not None and distance.pooling != network.head.pooling:
        [features] = pooled_by(network, images, records, (distance.pooling,))
    label, group = (
        records[name].to_numpy(np.int64) if name in records else None for name in ("label", "group")
    )
    return Seen(features, network.calibrated(logits).numpy(), label, group)


def labelled(folder: Path) -> pd.DataFrame:
    """Records as `corrosion evaluate` makes them, near-duplicates in one group."""
    found = screen(scan(folder, name=folder.name)).records
    return found.assign(group=inspect(found, CurationSettings()).duplicates.group)


def files(paths: Sequence[str | Path]) -> pd.DataFrame:
    return pd.DataFrame({"path": [str(path) for path in paths]})


def draw(folder: Path, count: int) -> list[Path]:
    """Files of generated pictures: half of them brick walls, half planks."""
    paths = []
    for number in range(count):
        surface = (brick, wood)[number % 2](np.random.default_rng(number), MADE_SIZE)
        paths.append(folder / f"made-{number}.png")
        write_image(paths[-1], (surface.colour.clip(0, 1) * 255).round().astype(np.uint8))
    return paths


def sample_pictures(folder: Path) -> list[Path]:
    """Files of the pictures that scikit-learn's and scikit-image's packages hold."""
    paths = []
    for number, pixels in enumerate(load_sample_images().images):
        paths.append(folder / f"sample-{number}.png")
        write_image(paths[-1], np.asarray(pixels))
    package = find_spec("skimage")
    for place in package.submodule_search_locations or () if package else ():
        found = sorted((Path(place) / "data").glob("*"))
        paths += [
            path
            for path in found
            if path.suffix in (".png", ".jpg") and not path.stem.startswith(OF_METAL)
        ]
    return paths


def ways(train: Seen) -> dict[str, Score]:
    """Scores, the larger the less the network knows of the picture."""
    nearest = TrainingDistance(torch.tensor(train.features))
    return {
        NEAREST: lambda seen: nearest(torch.tensor(seen.features)).numpy(),
        **{f"{k}th nearest": neighbour(train, k) for k in (10, 50) if k <= len(train.features)},
        "Mahalanobis": mahalanobis(train, relative=False),
        "relative Mahalanobis": mahalanobis(train, relative=True),
        "maximum softmax probability": lambda seen: np.minimum(
            seen.probability, 1 - seen.probability
        ),
    }


def neighbour(train: Seen, k: int) -> Score:
    known = NearestNeighbors(n_neighbors=k).fit(normalize(train.features))
    return lambda seen: known.kneighbors(normalize(seen.features))[0][:, -1]


def mahalanobis(train: Seen, *, relative: bool) -> Score:
    features, label = train.features.astype(np.float64), train.label
    mean = features.mean(axis=0)
    means = [features[label == one].mean(axis=0) for one in (0, 1)]
    centred = np.concatenate([features[label == one] - means[one] for one in (0, 1)])
    precision, of_all = (
        np.linalg.inv(ledoit_wolf(one, assume_centered=True)[0])
        for one in (centred, features - mean)
    )

    def squared(seen: Seen, centre: Floats, matrix: Floats) -> Floats:
        away = seen.features - centre
        return ((away @ matrix) * away).sum(axis=1)

    def score(seen: Seen) -> Floats:
        nearer = np.minimum(*(squared(seen, centre, precision) for centre in means))
        return nearer - squared(seen, mean, of_all) if relative else nearer

    return score


def limit_of(score: Score, val: Seen) -> float:
    return float(np.quantile(score(val), ACCEPTED, method="inverted_cdf"))


def rates(
    scores: Mapping[str, Score], val: Seen, test: Seen, others: Mapping[str, Seen]
) -> TextTable:
    rows = []
    for name, score in scores.items():
        limit, known = limit_of(score, val), score(test)
        cells = [name, format_number(float((known > limit).mean()), 3)]
        for seen in others.values():
            new = score(seen)
            area = roc_auc_score(
                np.repeat([0, 1], [len(known), len(new)]), np.concatenate([known, new])
            )
            cells.append(f"{area:.3f}, {(new > limit).mean():.3f}")
        rows.append(cells)
    return TextTable.of(
        f"ROC-AUC against {len(test.features)} test photographs, share found; limit of 95 % of "
        f"{len(val.features)} validation photographs",
        (
            "way",
            "false alarms on test",
            *(f"{name} ({len(seen.features)})" for name, seen in others.items()),
        ),
        rows,
    )


def decisions(
    network: CorrosionClassifier, nearest: Score, val: Seen, sets: Mapping[str, Seen]
) -> TextTable:
    assert network.band is not None
    band = Band(*network.band, threshold=network.threshold, max_risk=0.01)
    limit, rows = limit_of(nearest, val), []
    for name, seen in sets.items():
        distance = as_column(torch.tensor(nearest(seen) / limit))
        table = pd.DataFrame(
            {
                "label": seen.label,
                "probability": seen.probability,
                COLUMN: distance,
                "group": seen.group,
            }
        )
        found = unlike_training(table, threshold=network.threshold, band=band)
        assert found is not None
        assert found.decided is not None
        before = apply_band(band, seen.label, seen.probability, group=seen.group)
        rows.append(
            (
                f"{name} ({len(table)})",
                with_interval(found.share),
                *(with_interval(one) for one in (found.accuracy_like, found.accuracy_unlike)),
                *(
                    f"{one.coverage.value:.3f}, {with_interval(one.risk)}"
                    for one in (before, found.decided)
                ),
            )
        )
    return TextTable.of(
        "Decided without an inspector, of these wrong (95 % interval)",
        (
            "photographs",
            "unlike training",
            "accuracy, like",
            "accuracy, unlike",
            "band",
            "band, and like training",
        ),
        rows,
    )


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--source", type=Path, nargs="*", default=[], metavar="PHOTOS")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--made", type=int, default=100, help="generated pictures")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
