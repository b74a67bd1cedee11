"""`corrosion explain-score`: how good the maps of one or several networks are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from corrosion.data.dataset import load_image
from corrosion.data.geometry import Map, Mask
from corrosion.data.resizing import build_resize
from corrosion.explanation.baselines import BASELINES
from corrosion.explanation.faithfulness import faithfulness
from corrosion.explanation.ground_truth import find_annotated
from corrosion.explanation.localisation import LOCALISATION
from corrosion.explanation.names import RUST, map_names, network_names
from corrosion.explanation.photographs import explain_photographs
from corrosion.explanation.randomisation import SEEDS, randomised
from corrosion.explanation.rust_mask import rust_evidence
from corrosion.explanation.summary import Scores, summarise
from corrosion.models.checkpoint import load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import checkpoint_of
from corrosion.settings.explanation import MapScoreSettings
from corrosion.system.progress import progress

_FOR_STATISTICS = 16  # photographs by which random networks estimate theirs


def score_maps(
    checkpoints: Sequence[Path],
    root: Path,
    settings: MapScoreSettings | None = None,
) -> Scores:
    """Judge the maps for corrosion of several networks by masks.

    Fine maps and masks of rust are judged beside the plain maps, which then stand among what they
    have to beat.

    Everything is read once before the work starts: a bad checkpoint or file is found at once.

    Args:
        checkpoints: checkpoints of the networks, or directories of their runs, at least one.
        root: folder of photographs and masks or boxes, see `corrosion.explanation.ground_truth`.
        settings: how to judge; the defaults if None.

    Raises:
        CorrosionError: a checkpoint, photograph or mask is bad, or the machine lacks the device.
    """
    settings = settings or MapScoreSettings()
    method, seed = settings.method, settings.seed
    names = map_names(method, settings.map)  # the map that is judged first
    annotated = find_annotated(root, count=settings.count, seed=seed)
    checkpoints = [checkpoint_of(checkpoint) for checkpoint in checkpoints]
    named = dict(zip(network_names(checkpoints), checkpoints, strict=True))
    networks = {name: load_model(path, device=settings.device) for name, path in named.items()}
    paths = [one.path for one in annotated]
    drawn = [name for name in names if name != RUST]
    explained = zip(
        *(
            explain_photographs(
                network,
                paths,
                method=method,
                fine=name != method,
                batch_size=settings.batch_size,
                num_workers=settings.num_workers,
            )
            for network in networks.values()
            for name in drawn
        ),
        strict=True,
    )
    others = (
        {name: _randomised(network, paths[:_FOR_STATISTICS]) for name, network in networks.items()}
        if settings.faithfulness
        else {}
    )
    rows: list[dict[str, Any]] = []
    pairs = zip(annotated, explained, strict=True)
    for number, (one, photographs) in enumerate(progress(pairs, "scoring", total=len(annotated))):
        generator = np.random.default_rng((seed, number))
        baselines = {
            name: draw(photographs[0].image, generator) for name, draw in BASELINES.items()
        }
        mask = one.mask()
        of_baselines = {name: _localisation(values, mask) for name, values in baselines.items()}
        own = iter(photographs)
        for network in networks:
            maps = {name: next(own).explanation.map for name in drawn}
            if RUST in names:
                image = photographs[0].image
                maps[RUST] = rust_evidence(networks[network], image).score(image)
            scores = {name: _localisation(maps[name], mask) for name in names} | of_baselines
            if settings.faithfulness:
                model = networks[network]
                pixels = load_image(one.path, build_resize(model.image_size, model.resize))
                found = faithfulness(
                    model,
                    others[network],
                    pixels,
                    method=method,
                    fine=settings.map == "fine",
                    generator=generator,
                )
                scores = {name: values | found[name] for name, values in scores.items()}
            rows += [
                {"path": str(one.path), "network": network, "map": name, **values}
                for name, values in scores.items()
            ]
    return summarise(pd.DataFrame(rows), method=names[0], checkpoints=named, seed=seed)


def _randomised(network: CorrosionClassifier, paths: Sequence[Path]) -> list[CorrosionClassifier]:
    """Random networks of a trained one, their statistics estimated on some of the photographs."""
    resize = build_resize(network.image_size, network.resize)
    pixels = np.stack([load_image(path, resize) for path in paths])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    if len(images) == 1:  # statistics take two
        images = torch.cat([images, images.flip(3)])
    return [randomised(network, images, seed=seed) for seed in range(SEEDS)]


def _localisation(values: Map, mask: Mask) -> dict[str, float]:
    return {name: measure(values, mask) for name, measure in LOCALISATION.items()}
