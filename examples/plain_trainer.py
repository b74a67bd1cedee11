"""Our network and batches in a Lightning Trainer of your own, from a data frame of your own.

    python examples/plain_trainer.py IMAGES.csv

IMAGES.csv has the columns path, label (1 for corrosion, 0 for none) and split (train, val or
test). Nothing else of the
project is needed: callbacks, loggers, strategies are what you give the Trainer.
"""

from __future__ import annotations

import argparse

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from corrosion.data.datamodule import CorrosionDataModule
from corrosion.training.module import CorrosionModule


class LoggingModule(CorrosionModule):
    """Training with a figure of one's own in the log: hooks are those of any LightningModule."""

    def on_train_epoch_end(self) -> None:
        """Log how far the head's weights have grown."""
        super().on_train_epoch_end()
        self.log("head_norm", self.network.head.logit.weight.norm())


def main(table: str, *, backbone: str = "mobilenetv2", epochs: int = 25) -> dict[str, float]:
    """Train with early stopping; the test metrics of the best epoch."""
    images = pd.read_csv(table)
    data = CorrosionDataModule(images, batch_size=16)
    module = LoggingModule(backbone, lr=1e-4)
    trainer = L.Trainer(
        max_epochs=epochs,
        callbacks=[EarlyStopping("val/loss", patience=5), ModelCheckpoint(monitor="val/loss")],
    )
    trainer.fit(module, data)
    [metrics] = trainer.test(module, data, ckpt_path="best")
    return dict(metrics)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", help="CSV with the columns path, label and split")
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--epochs", type=int, default=25)
    arguments = parser.parse_args()
    print(main(**vars(arguments)))
