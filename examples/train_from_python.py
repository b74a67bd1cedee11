"""Train on a folder of photographs from Python, without the command line and its files.

    python examples/train_from_python.py PHOTOS RUN

PHOTOS holds a folder per class; RUN is a new directory, which gets the same files as a run of
`python train.py`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import corrosion
from corrosion.settings import (
    AugmentationSettings,
    DataSettings,
    Flip,
    ModelSettings,
    Rotation,
    RunSettings,
    TrainerSettings,
)


def main(photos: Path, run: Path, *, backbone: str = "mobilenetv2", epochs: int = 25) -> None:
    """Train, test, and predict the photographs with what was learnt."""
    settings = RunSettings(
        model=ModelSettings(backbone=backbone, lr=6.457e-5, schedule="cosine", warmup_epochs=1),
        data=DataSettings(source="folder", root=photos, image_size=224, batch_size=16),
        augment=AugmentationSettings(
            horizontal_flip=Flip(p=0.5), rotation=Rotation(p=0.5, limit=15)
        ),
        trainer=TrainerSettings(max_epochs=epochs),
        seed=1,
    )
    corrosion.train(settings, run)  # a value that can't be used is an error that names it

    model = corrosion.load_model(run)
    for prediction in corrosion.predict(model, photos, recursive=True):
        print(f"{prediction.probability:.3f}  {prediction.decision}  {prediction.path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--epochs", type=int, default=25)
    main(**vars(parser.parse_args()))
