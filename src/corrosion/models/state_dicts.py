"""Read state dicts and checkpoints as data: tensors and plain values, never pickled code."""

from __future__ import annotations

import pickle
import pickletools
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from corrosion.errors import CorrosionError
from corrosion.models.checkpoint_schema import CheckpointContent
from corrosion.models.digest import KEY, verify
from corrosion.models.packed import read_packed
from corrosion.settings.model import Pooling
from corrosion.system.files import replacing

NETWORK_PREFIX = "network."
"""Prefix of the network's names in the state dict of our LightningModule."""

_ZIP = b"PK\x03\x04"
_DAMAGED = "damaged or cut short: copy it again from where it was written, or train again."
_LARGEST_PICKLE = 64 * 2**20  # bytes that tell the tensors' names and shapes; 0.1 MB are usual

# what a file may name: tensors in plain memory, their types, and containers. torch allows more,
# which no state dict needs and some of which take any amount of memory for a few bytes
_TENSORS = re.compile(
    r"torch (\w+Storage|(b?float|u?int|q?u?int|complex)\d+\w*|bool|Size|device|Tensor)"
    r"|torch\.storage (Untyped|Typed)Storage"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter|parameter_with_state)"
    r"|torch\.nn\.parameter Parameter"
    r"|collections (OrderedDict|Counter)|(__builtin__|builtins) (set|complex)|_codecs encode"
)


SAFETENSORS = ".safetensors"
"""Ending of files of tensors alone."""

_EXPORTED = (".onnx", ".xml", ".pt2")  # what `corrosion export` writes


def read_checkpoint(path: Path, *, mapped: bool = False) -> Any:
    """Read a torch file without executing code from it.

    Nothing is unpacked or given memory that is larger than the file itself.

    Args:
        path: path of a .ckpt, .pth, .pt or .bin file, or of the model.safetensors of a folder that
            `corrosion pack` has written.
        mapped: leave tensors in the file until they are used, which needs no memory for those that
            aren't; the file must not be written meanwhile, only be replaced. Files of a torch
            before 1.6 are refused then.

    Returns:
        Tensors and plain containers, on the CPU.

    Raises:
        CorrosionError: the file is missing, damaged, not a torch file, or holds pickled objects.
    """
    if not path.is_file():
        raise CorrosionError(f"No checkpoint or file of weights at {path}.")
    if path.suffix == SAFETENSORS:
        return read_packed(path)
    if path.suffix in _EXPORTED:
        raise CorrosionError(
            f"{path} is an exported network, and a checkpoint is wanted: exported ones are for "
            f"corrosion predict and corrosion.runtime.load."
        )
    in_zip = _check_archive(path)
    if mapped and not in_zip:
        raise CorrosionError(f"{path} is no checkpoint of corrosion, or {_DAMAGED}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped or None)
    except Exception as error:  # torch raises many kinds: EOFError, KeyError, UnpicklingError
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            raise _pickled(path) from error
        raise CorrosionError(f"{path} is no torch file, or {_DAMAGED}") from error


def _check_archive(path: Path) -> bool:
    """Refuse an archive that is not what torch writes; whether the file is an archive at all.

    Torch itself compares no sums, and would unpack what takes a thousand times the file's size.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) != _ZIP:  # of a torch before 1.6
                return False
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(one.file_size for one in members) > path.stat().st_size:
                raise CorrosionError(
                    f"{path} unpacks to more than its own size, which torch never writes: get it "
                    f"from its author again."
                )
            bad = archive.testzip()  # 20 ms for 20 MB
            pickles = [one for one in members if one.filename.endswith("data.pkl")]
            if bad is not None or not pickles:
                raise CorrosionError(f"{path} is no torch file, or {_DAMAGED}")
            for one in pickles:
                _check_names(archive.read(one) if one.file_size <= _LARGEST_PICKLE else b"", path)
    except (
        zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError,
        UnicodeDecodeError, IndexError,
    ) as error:  # fmt: skip
        raise CorrosionError(f"{path} is {_DAMAGED}") from error
    return True


def _check_names(content: bytes, path: Path) -> None:
    """Refuse a pickle that names anything but tensors and plain containers."""
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name == "GLOBAL" and not _TENSORS.fullmatch(str(argument)):
                # torch goes on to advise weights_only=False, which would run that code
                raise _pickled(path)
    except ValueError as error:  # no pickle
        raise CorrosionError(f"{path} is no torch file, or {_DAMAGED}") from error


def _pickled(path: Path) -> CorrosionError:
    return CorrosionError(
        f"{path} contains pickled code, which we never run: save a state_dict, of tensors and "
        f"plain values only."
    )


def save_whole(
    content: Mapping[str, Any],
    path: Path,
    *,
    way_out: str = "An earlier file there is intact: make room, then try again.",
) -> None:
    """Write a torch file whole or not at all; one that is there stays until the new one is.

    Args:
        content: tensors and plain values.
        path: path of the file.
        way_out: sentence that ends the message where there is no room.

    Raises:
        CorrosionError: the disk is full, or the folder can't be written.
    """
    with replacing(path) as temporary:
        try:
            torch.save(content, temporary)
        except RuntimeError as error:  # torch's writer knows no OSError
            reason = str(error).split("\n", 1)[0]
            raise CorrosionError(
                f"{path} can't be written: is the disk full, or a quota reached? {way_out} "
                f"[{reason}]"
            ) from error


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read names and tensors from a file of weights.

    Args:
        path: path of a .safetensors file, or of a torch file with a state dict, bare or wrapped
            as training scripts do (`state_dict`, `model`, `module.` before every name).

    Raises:
        CorrosionError: the file is missing or damaged, or holds no state dict.
    """
    return read_weights(path)[0]


def read_weights(path: Path) -> tuple[dict[str, Tensor], Pooling | None]:
    """Read names and tensors from a file of weights, and how the head in it pools.

    Args:
        path: as for `read_state_dict`.

    Returns:
        The tensors, and the pooling if the file is one of our checkpoints.

    Raises:
        CorrosionError: as for `read_state_dict`.
    """
    if path.suffix == SAFETENSORS:
        try:
            return load_file(path), None
        except (SafetensorError, OSError) as error:
            raise CorrosionError(f"{path} can't be read as safetensors: {error}") from error
    content = read_checkpoint(path)
    pooling: Pooling | None = None
    if isinstance(content, dict):
        if KEY in content:  # one of our checkpoints
            pooling = CheckpointContent.read_from(content, path).hyper_parameters.pooling
            verify(content, path)
        for key in ("state_dict", "model"):
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise CorrosionError(f"{path} holds no state dict (a mapping of names to tensors).")
    return {key.removeprefix("module."): value for key, value in content.items()}, pooling


def below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Select the entries whose names start with a prefix, by the rest of their names.

    Example:
        >>> below({"network.head.bias": torch.zeros(1), "epoch": torch.ones(1)}, "network.")
        {'head.bias': tensor([0.])}
    """
    return {
        key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)
    }
