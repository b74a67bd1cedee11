"""Where and how long a training runs, and who logs it: `conf/trainer`, `conf/logger`."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Gt, Le
from pydantic import ConfigDict, Strict

from corrosion.settings.base import Settings
from corrosion.settings.types import Count, Names, NotNegative, WholeNumber

Batches = Count | Annotated[float, Gt(0), Le(1)] | None


class TrainerSettings(Settings):
    """How Lightning trains; further keys (+trainer.KEY=...) go to `lightning.Trainer`."""

    model_config = ConfigDict(extra="allow")

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    """Kind of device; auto takes what the machine has."""
    devices: Literal["auto", -1] | Count | Annotated[tuple[WholeNumber, ...], Strict(False)] = 1
    """How many devices, auto or -1 for all, or a list of their numbers."""
    num_nodes: Count = 1
    """Machines; docs/machines.md."""
    strategy: str = "auto"
    """Lightning's strategy: ddp for several devices."""
    precision: Literal[
        "auto", "32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"
    ] = "auto"
    """Numbers that the network computes with; auto is 16-mixed on CUDA, as published, else
    32-true."""
    max_epochs: Count = 25
    """Number of epochs; 25 as published. By default `model.epochs`."""
    early_stopping: Count | None = None
    """Stop after so many epochs without a better objective; null never does."""
    checkpoint_every: Count | None = 500
    """Batches between checkpoints within an epoch; null writes one at its end only."""
    gradient_clip_val: NotNegative | None = None
    """Largest norm of the gradients; null for any."""
    deterministic: bool | Literal["warn"] = "warn"
    """Repeatable on a GPU: true or an error, or warn: where the device has such kernels."""
    benchmark: bool = False
    """Let cuDNN search for the fastest kernels."""
    limit_train_batches: Batches = None
    """For trying things: number or share of the training batches of an epoch; null for all."""
    limit_val_batches: Batches = None
    """Likewise of validation."""
    limit_test_batches: Batches = None
    """Likewise of the test."""
    sync_batchnorm: bool = False
    """Statistics of batch normalisation over the images of all GPUs."""
    progress_bar: bool = True
    """Show a progress bar; without a terminal, log lines of how far it is."""


class LoggerSettings(Settings):
    """The experiment logger beside history.csv."""

    name: Literal["csv", "tensorboard", "wandb", "mlflow"] | None = "csv"
    """Which one; null for none."""
    experiment: str = "corrosion"
    """MLflow: name of the experiment."""
    tracking_uri: str = "sqlite:///outputs/mlflow.db"
    """MLflow: address of the server or database."""
    project: str = "corrosion"
    """Weights & Biases: name of the project."""
    entity: str | None = None
    """Weights & Biases: user or team; null for the default one."""
    mode: Literal["online", "offline"] = "online"
    """Weights & Biases: send while training, or keep for later."""
    tags: Names = ()
    """Weights & Biases: tags of the run."""
