"""Finished runs written without a training, and what a comparison shows of them."""

import json

import numpy as np
import pandas as pd
import yaml

from corrosion.report.comparison_report import tables


def write_run(
    directory, *, model="resnet50", seed=0, skill=2.0, images=range(60), data=None, **settings
):
    """A finished run without a checkpoint; images are told by their numbers."""
    directory.mkdir(parents=True)
    label = np.array([number % 2 for number in images])
    noise = np.random.default_rng(len(model) + 100 * seed).normal(size=len(label))
    table = pd.DataFrame(
        {
            "path": [f"/photos/{number}.jpg" for number in images],
            "label": label,
            "probability": 1 / (1 + np.exp(-noise - skill * (label - 0.5))),
        }
    )
    table.sample(frac=1, random_state=seed).to_csv(directory / "predictions.csv", index=False)
    pd.DataFrame({"epoch": [1, 2], "train/loss": [0.7, 0.4], "val/loss": [0.6, 0.5]}).to_csv(
        directory / "history.csv", index=False
    )
    config = {"model": {"name": model, "threshold": 0.5, **settings}, "seed": seed}
    config |= {"data": data} if data else {}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    facts = {"model": model, "seconds": {"fit": 90.0}, "hyperparameters": {"lr": 3e-3}}
    (directory / "metrics.json").write_text(json.dumps(facts))
    return table


def cells(comparison, row, **options):
    """A row of the tables, by column."""
    table = next(one for one in tables(comparison, **options) if row in [r[0] for r in one.rows])
    found = next(cells for cells in table.rows if cells[0] == row)
    return dict(zip(table.columns[1:], found[1:], strict=True))
