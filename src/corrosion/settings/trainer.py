"""Where and how long a training runs, and who logs it: `conf/trainer`, `conf/logger`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, Strict

from corrosion.settings.base import Settings
from corrosion.settings.types import Count, Devices, Epochs, Names, NotNegative, Text

Batches = Count | Annotated[float, Gt(0), Le(1)] | None

DeviceNumber = Annotated[int, Ge(0), Le(1023)]
Strategy = Literal[
    "auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false"
]


def _duration(text: str) -> str:
    if not re.fullmatch(r"\d{1,3}(:[0-5]?\d){3}", text) or not re.search("[1-9]", text):
        raise ValueError("give days:hours:minutes:seconds, as 00:02:30:00.")
    return text


def _some_devices(devices: object) -> object:
    if isinstance(devices, tuple) and len(set(devices)) < max(1, len(devices)):
        raise ValueError("give each device once, at least one.")
    return devices


class TrainerSettings(Settings):
    """How Lightning trains; what no file of conf/ sets is given with a plus: +trainer.KEY=..."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"] = "auto"
    """Kind of device; auto takes what the machine has."""
    devices: Annotated[
        Literal["auto", -1] | Devices | Annotated[tuple[DeviceNumber, ...], Strict(False)],
        AfterValidator(_some_devices),
    ] = 1
    """How many devices, auto or -1 for all, or a list of their numbers."""
    num_nodes: Devices = 1
    """Machines; docs/machines.md."""
    strategy: Strategy = "auto"
    """Lightning's strategy for several devices: ddp, or, faster where every layer learns,
    ddp_find_unused_parameters_false."""
    precision: Literal[
        "auto", "32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"
    ] = "auto"
    """Numbers that the network computes with; auto is 16-mixed on CUDA, as published, else
    32-true."""
    max_epochs: Epochs = 25
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

    # no file of conf/ sets these
    min_epochs: Epochs | None = None
    """Fewest epochs, whatever early stopping says: +trainer.min_epochs=10."""
    max_time: Annotated[str, AfterValidator(_duration)] | None = None
    """Longest training, as days:hours:minutes:seconds: +trainer.max_time=00:02:30:00."""
    accumulate_grad_batches: Annotated[int, Ge(1), Le(10_000)] = 1
    """Batches of which one step is made: +trainer.accumulate_grad_batches=2 steps as with twice the
    batch_size."""
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    """What gradient_clip_val limits; null is norm."""
    check_val_every_n_epoch: Epochs = 1
    """Epochs from one validation to the next."""
    overfit_batches: Batches = None
    """For trying things: number or share of the training batches that are learnt by heart."""
    inference_mode: bool = True
    """Validate and test in PyTorch's inference mode; false only turns gradients off."""
    detect_anomaly: bool = False
    """Find where a gradient turns into NaN, which takes far longer."""
    profiler: Literal["simple", "advanced", "pytorch"] | None = None
    """Measure where the time goes."""

    renamed = {"enable_progress_bar": "progress_bar"}  # noqa: RUF012 -- a ClassVar of the base
    refused = {  # noqa: RUF012 -- likewise
        **dict.fromkeys(
            (
                "callbacks", "logger", "plugins", "default_root_dir", "enable_model_summary",
                "log_every_n_steps", "num_sanity_val_steps", "limit_predict_batches",
                "use_distributed_sampler", "reload_dataloaders_every_n_epochs",
                "enable_autolog_hparams", "model_registry",
            ),
            "the run sees to that itself; leave it out.",
        ),
        "max_steps": "the course of the learning rate is told in epochs: give max_epochs.",
        "min_steps": "the course of the learning rate is told in epochs: give min_epochs.",
        "val_check_interval": "validation ends an epoch: give check_val_every_n_epoch.",
        **dict.fromkeys(
            ("fast_dev_run", "barebones", "enable_checkpointing"),
            "without checkpoints there is nothing to test. For trying things give "
            "limit_train_batches=20.",
        ),
    }  # fmt: skip

    def conflicts(self) -> Iterator[str]:
        """More epochs at the least than there are; a validation that never comes."""
        yield from super().conflicts()
        for name in ("min_epochs", "check_val_every_n_epoch"):
            if (getattr(self, name) or 0) > self.max_epochs:
                yield (
                    f"{{{name}}}={getattr(self, name)} is more than there are epochs "
                    f"({{max_epochs}}={self.max_epochs})."
                )
        if self.gradient_clip_algorithm and self.gradient_clip_val is None:
            yield "{gradient_clip_algorithm} means nothing without {gradient_clip_val}: give both."
        if self.overfit_batches is not None and self.limit_train_batches is not None:
            yield "{overfit_batches} takes the place of {limit_train_batches}: leave one out."


class LoggerSettings(Settings):
    """The experiment logger beside history.csv."""

    name: Literal["csv", "tensorboard", "wandb", "mlflow"] | None = "csv"
    """Which one; null for none."""
    experiment: Text = "corrosion"
    """MLflow: name of the experiment."""
    tracking_uri: Text = "sqlite:///outputs/mlflow.db"
    """MLflow: address of the server or database."""
    project: Text = "corrosion"
    """Weights & Biases: name of the project."""
    entity: Text | None = None
    """Weights & Biases: user or team; null for the default one."""
    mode: Literal["online", "offline"] = "online"
    """Weights & Biases: send while training, or keep for later."""
    tags: Names = ()
    """Weights & Biases: tags of the run."""
