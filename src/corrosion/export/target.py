"""What can be written, and where: looked at before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from corrosion.errors import CorrosionError
from corrosion.system.extras import install_command

SUFFIXES: Mapping[str, str] = MappingProxyType(
    {"onnx": ".onnx", "openvino": ".xml", "torch": ".pt2", "html": ".html"}
)
"""Ending of the file of each format that can be written."""

_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "onnx": ("onnxscript", "onnxruntime"),
    "openvino": ("onnxscript", "openvino"),
    "torch": (),
    "html": ("onnxscript", "onnxruntime"),
}
_NO_TFLITE = (
    "format=tflite can't be written: its converter, litert-torch, needs an older PyTorch than the "
    "one that this project is pinned to. Take format=html, which runs in a telephone's browser, or "
    "format=onnx, for an application of your own (ONNX Runtime Mobile)."
)


def format_of(given: str | None, path: Path | None) -> str:
    """The format of a new file: the given one, else that of its ending, else onnx.

    Raises:
        CorrosionError: the ending is that of another format, or of none.

    Example:
        >>> format_of(None, Path("model.xml")), format_of(None, None), format_of("torch", None)
        ('openvino', 'onnx', 'torch')
    """
    tflite = path is not None and path.suffix.lower() == ".tflite"
    if path is None or given == "tflite" or (given is None and tflite):
        return given or ("tflite" if tflite else "onnx")
    found = next((name for name, suffix in SUFFIXES.items() if suffix == path.suffix.lower()), None)
    if given is not None and given in SUFFIXES and found != given:
        raise CorrosionError(f"--out={path}: files of format={given} end in {SUFFIXES[given]}.")
    if given is None and found is None:
        endings = ", ".join(f"{suffix} ({name})" for name, suffix in SUFFIXES.items())
        raise CorrosionError(f"--out={path}: its ending says the format: {endings}.")
    return given or str(found)


def check_format(name: str) -> None:
    """Make sure that a format can be written, and read again, here.

    Raises:
        CorrosionError: it can't, or its packages are not installed.
    """
    if name == "tflite":
        raise CorrosionError(_NO_TFLITE)
    if name not in SUFFIXES:
        raise CorrosionError(f"format={name}: choose {', '.join(SUFFIXES)}.")
    for package in _PACKAGES[name]:
        if find_spec(package) is None:
            raise CorrosionError(
                f"format={name} needs the package {package}: {install_command(package)}."
            )


def check_quantiser() -> None:
    """Make sure that NNCF is installed.

    Raises:
        CorrosionError: it is not.
    """
    if find_spec("nncf") is None:
        raise CorrosionError(f"int8 needs the package nncf: {install_command('nncf')}.")


def check_target(path: Path, name: str) -> None:
    """Make sure that there is nothing yet in the place of a new file.

    Raises:
        CorrosionError: something is there.
    """
    for one in (path, *([path.with_suffix(".bin")] if name == "openvino" else [])):
        if one.exists():
            raise CorrosionError(f"{one} is there already: choose another --out, or remove it.")
