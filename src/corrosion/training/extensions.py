"""The user's own loss, metrics and augmentation, by the names of their functions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.evaluation.metric_table import LOGGED, direction
from corrosion.settings.model import BINARY_CROSS_ENTROPY
from corrosion.settings.run import RunSettings


@dataclass(frozen=True)
class Extensions:
    """Functions of the user's that take part in a training.

    Attributes:
        loss: see `CorrosionModule`; None is ours.
        metrics: see `CorrosionModule`, by name.
        transforms: of Albumentations, applied last.
    """

    loss: Callable[..., Any] | None = None
    metrics: dict[str, Callable[..., Any]] = field(default_factory=dict)
    transforms: tuple[Any, ...] = ()

    def direction(self, objective: str) -> str:
        """Whether an objective is to be small or large: "min" or "max".

        A metric of the user's says so by an attribute `higher_is_better`, as those of torchmetrics
        do; without one more of it is better.

        Raises:
            CorrosionError: there is no such metric on validation.
        """
        own = self.metrics.get(objective.removeprefix("val/"))
        if own is None or not objective.startswith("val/"):
            return direction(objective)
        return "max" if getattr(own, "higher_is_better", True) in (True, None) else "min"


def load_extensions(settings: RunSettings) -> Extensions:
    """Import what settings name of the user's own.

    Only names below `settings.extensions` are imported, never one that only stands in a checkpoint.
    Classes are called without arguments: a metric of torchmetrics, a transform of Albumentations.

    Raises:
        CorrosionError: a name is not below the modules allowed, can't be imported, or is taken.
    """
    allowed = settings.extensions
    for module in allowed:
        _import(module, parameter="extensions", path=module)
    loss = None
    if settings.model.loss != BINARY_CROSS_ENTROPY:
        loss = _made(load_object(settings.model.loss, parameter="loss", allowed=allowed))
    metrics = {}
    for path in settings.metrics:
        name = path.rsplit(".", 1)[-1]
        if name in LOGGED or name in metrics:
            raise CorrosionError(f"metrics=[{path}]: there is a metric {name} already; rename it.")
        metrics[name] = _made(load_object(path, parameter="metrics", allowed=allowed))
    transforms = tuple(
        _made(load_object(path, parameter="extra", allowed=allowed))
        for path in settings.augment.extra
    )
    return Extensions(loss, metrics, transforms)


def load_object(path: str, *, parameter: str, allowed: Sequence[str]) -> Any:
    """An object by its import path, from the working directory too.

    Args:
        path: as "my_package.losses.focal".
        parameter: that names it, for messages.
        allowed: modules below which it may lie.

    Raises:
        CorrosionError: it lies elsewhere, or can't be imported.
    """
    if not any(path.startswith(f"{module}.") for module in allowed):
        module = path.split(".", 1)[0]
        raise CorrosionError(
            f"{parameter}={path}: code is imported only from modules that you name: add "
            f"extensions=[{module}]."
        )
    module, _, name = path.rpartition(".")
    imported = _import(module, parameter=parameter, path=path)
    if not hasattr(imported, name):
        raise CorrosionError(f"{parameter}={path}: {module} has no {name}.")
    found = getattr(imported, name)
    if not callable(found):
        raise CorrosionError(f"{parameter}={path} is neither a function nor a class.")
    return found


def _import(module: str, *, parameter: str, path: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever the user's module does when it is imported
        raise CorrosionError(
            f"{parameter}={path} can't be imported: {type(error).__name__}: {error}."
        ) from error


def _made(found: Any) -> Any:
    try:
        return found() if isinstance(found, type) else found
    except TypeError as error:
        raise CorrosionError(
            f"{found.__module__}.{found.__qualname__} can't be made without arguments: {error}."
        ) from error
