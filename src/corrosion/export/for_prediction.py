"""`corrosion predict --backend`: a checkpoint's network in a program that is faster on processors.

The file that such a program needs is exported once, compared with the checkpoint, and kept in the
cache.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.run_places import PACKED
from corrosion.runtime.network import ExportedNetwork, load
from corrosion.system.extras import require_package
from corrosion.system.processors import has_surely_no_gpu

log = logging.getLogger(__name__)

_PROGRAMS = ("onnxruntime", "openvino")  # the first one is tried first
_WRITERS = ("corrosion", "torch", "onnxscript", "timm")  # whose versions may change the file


def network_for(
    checkpoint: Path, backend: str | None, device: str, check: Callable[[], None]
) -> ExportedNetwork | None:
    """The network of a checkpoint as the backend that is asked for runs it.

    Nothing here imports torch once the file is there.

    Args:
        checkpoint: file of the checkpoint.
        backend: "torch", "onnxruntime", "openvino", "opencv", or "auto" for the first of the two in
            the middle that is installed and can do what is asked for; None for torch.
        device: as `corrosion.models.device.choose_device` takes it.
        check: raises a CorrosionError where an exported network can't do what is asked for.

    Returns:
        The network; None where PyTorch runs it: as asked for, or with auto because a setting, the
        machine, a missing package or the comparison with the checkpoint wants it, which is logged.

    Raises:
        CorrosionError: the backend that is asked for by name can't run this network, or not what
            is asked for.
    """
    if backend in (None, "torch"):
        return None
    if backend != "auto":
        return _run_by(str(backend), checkpoint, check)
    if _has_gpu(device):
        return None  # which is faster
    for program in _PROGRAMS:
        try:
            return _run_by(program, checkpoint, check)
        except CorrosionError as error:
            log.info("backend=auto: not %s. %s", program, error)
    return None


def _has_gpu(device: str) -> bool:
    if device == "cpu" or (device == "auto" and has_surely_no_gpu()):
        return False
    from corrosion.models.device import choose_device  # imports torch

    return choose_device(device).type != "cpu"


def _run_by(program: str, checkpoint: Path, check: Callable[[], None]) -> ExportedNetwork:
    check()
    if program in _PROGRAMS:  # OpenCV is always there
        require_package(program, f"backend={program}", instead="torch")
    path = cache_dir() / "exported" / f"{checkpoint.stem[:40]}-{_digest(checkpoint)[:16]}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            return load(path, backend=program)
        except CorrosionError as error:
            if path.exists():
                log.warning("%s It is made anew.", error)
        _make(path, program, checkpoint)
        return load(path, backend=program)


def _make(path: Path, program: str, checkpoint: Path) -> None:
    """Export a checkpoint into the cache."""
    require_package("onnxscript", f"backend={program}", instead="torch")
    from corrosion.export.export_checkpoint import export_checkpoint  # torch, which takes seconds
    from corrosion.settings.export import ExportSettings

    path.unlink(missing_ok=True)
    log.info("Exporting %s once, for this and later predictions", checkpoint)
    made = export_checkpoint(checkpoint, path, ExportSettings())
    log.info(
        "Probabilities differ by %.1e at most from those of the checkpoint on %s",
        made.parity.outputs["probability"].largest,
        made.photographs,
    )


def _digest(checkpoint: Path) -> str:
    """That of all that decides what the exported file is: the checkpoint, and what writes it."""
    files = [checkpoint]
    if checkpoint.name == PACKED:  # the head lies beside the backbone
        folder = checkpoint.parent
        files = sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")])
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    for package in _WRITERS:
        try:
            total.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            continue
    return total.hexdigest()
