"""`corrosion predict --backend`: a checkpoint's network in a program that is faster on processors.

The file that such a program needs is exported once, compared with the checkpoint, and kept in the
cache.
"""

from __future__ import annotations

import hashlib
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.export.export_checkpoint import export_checkpoint
from corrosion.models.device import choose_device
from corrosion.runtime.network import ExportedNetwork, load
from corrosion.runtime.predict_files import check_exported
from corrosion.settings.export import ExportSettings
from corrosion.settings.prediction import PredictionSettings
from corrosion.system.extras import require_package

log = logging.getLogger(__name__)

_PROGRAMS = ("onnxruntime", "openvino")  # the first one is tried first
_WRITERS = ("corrosion", "torch", "onnxscript", "timm")  # whose versions may change the file


def network_for(checkpoint: Path, settings: PredictionSettings) -> ExportedNetwork | None:
    """The network of a checkpoint as the backend that is asked for runs it.

    Args:
        checkpoint: file of the checkpoint.
        settings: how files are to be predicted; `backend` is not None.

    Returns:
        The network; None where PyTorch runs it: as asked for, or with auto because a setting, the
        machine, a missing package or the comparison with the checkpoint wants it, which is logged.

    Raises:
        CorrosionError: the backend that is asked for by name can't run this network, or not what
            the settings want.
    """
    assert settings.backend is not None
    if settings.backend == "torch":
        return None
    if settings.backend != "auto":
        return _run_by(settings.backend, checkpoint, settings)
    if choose_device(settings.device).type != "cpu":
        return None  # a GPU is faster
    for program in _PROGRAMS:
        try:
            return _run_by(program, checkpoint, settings)
        except CorrosionError as error:
            log.info("backend=auto: not %s. %s", program, error)
    return None


def _run_by(program: str, checkpoint: Path, settings: PredictionSettings) -> ExportedNetwork:
    check_exported(settings, instead="choose backend=torch")
    require_package(program, f"backend={program}", instead="torch")
    require_package("onnxscript", f"backend={program}", instead="torch")
    return load(_kept(checkpoint), backend=program)


def _kept(checkpoint: Path) -> Path:
    """The exported file of a checkpoint in the cache; made where it is not there, or damaged."""
    path = cache_dir() / "exported" / f"{checkpoint.stem[:40]}-{_digest(checkpoint)[:16]}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            load(path)
        except CorrosionError as error:
            if path.exists():
                log.warning("%s It is made anew.", error)
                path.unlink()
            log.info("Exporting %s once, for this and later predictions", checkpoint)
            made = export_checkpoint(checkpoint, path, ExportSettings())
            log.info(
                "Probabilities differ by %.1e at most from those of the checkpoint on %s",
                made.parity.outputs["probability"].largest,
                made.photographs,
            )
    return path


def _digest(checkpoint: Path) -> str:
    with checkpoint.open("rb") as file:
        total = hashlib.file_digest(file, "sha256")
    for package in _WRITERS:
        try:
            total.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            continue
    return total.hexdigest()
