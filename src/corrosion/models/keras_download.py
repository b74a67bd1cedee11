"""Keras' ImageNet weights of NASNetMobile: found on this machine, or downloaded and converted.

They are downloaded once from where `keras.applications` gets them, checked by md5, and kept as
safetensors, with their SHA-256 beside, in the cache folder (`corrosion.data.cache.directory`:
CORROSION_CACHE, else ~/.cache/corrosion). To do without network, put the .h5 file there by hand.
"""

from __future__ import annotations

import hashlib
import http.client
import logging
import shutil
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import save_file

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.models.keras_weights import read_keras_weights
from corrosion.system.files import replacing, write_text

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 30.0
_BASE_URL = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/"


@dataclass(frozen=True)
class KerasFile:
    """A file of weights that `keras.applications` offers.

    Attributes:
        url: address of the file; its last part is the file's name.
        md5: md5 digest of the file, in hexadecimal.
        classes: number of outputs of its classifier, 0 without one.
    """

    url: str
    md5: str
    classes: int

    @property
    def name(self) -> str:
        """The file's name in the cache."""
        return self.url.rsplit("/", 1)[1]


WITH_TOP = KerasFile(f"{_BASE_URL}NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61", 1000)
WITHOUT_TOP = KerasFile(
    f"{_BASE_URL}NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63", 0
)


def imagenet_weights(*, with_top: bool, folder: str | Path | None = None) -> Path:
    """Find, or download and convert, the ImageNet weights.

    Args:
        with_top: whether the 1000-class classifier is needed.
        folder: folder that keeps the files; None for `cache_dir()`.

    Returns:
        A safetensors file with the state dict of `NASNet`.

    Raises:
        CorrosionError: the file can't be downloaded, or its md5 is not the official one.
    """
    folder = Path(folder) if folder else cache_dir()
    usable = (WITH_TOP,) if with_top else (WITHOUT_TOP, WITH_TOP)
    for file in usable:
        converted = (folder / file.name).with_suffix(".safetensors")
        if converted.is_file() and _is_whole(converted):
            return converted
        placed_by_hand = folder / file.name
        if placed_by_hand.is_file():
            return _convert(placed_by_hand, file, converted, origin=str(placed_by_hand))
    file = usable[0]
    with TemporaryDirectory() as scratch:
        downloaded = Path(scratch) / file.name
        _download(file, downloaded, folder)
        converted = (folder / file.name).with_suffix(".safetensors")
        return _convert(downloaded, file, converted, origin=f"The download from {file.url}")


def _download(file: KerasFile, target: Path, folder: Path) -> None:
    log.info("Downloading %s", file.url)
    try:
        with (
            urllib.request.urlopen(file.url, timeout=_TIMEOUT_SECONDS) as response,
            target.open("wb") as out,
        ):
            shutil.copyfileobj(response, out)
    except (OSError, http.client.HTTPException) as error:
        raise CorrosionError(
            f"ImageNet weights of nasnetmobile can't be downloaded from {file.url}: {error}. "
            f"Without network, get that file (md5 {file.md5}) elsewhere and put it at "
            f"{folder / file.name}."
        ) from error


def _convert(source: Path, file: KerasFile, target: Path, *, origin: str) -> Path:
    """Write the state dict of an official file to `target`, whole or not at all."""
    with source.open("rb") as content:
        md5 = hashlib.file_digest(content, _md5).hexdigest()
    if md5 != file.md5:
        raise CorrosionError(
            f"{origin} is not Keras' {file.name}: its md5 is {md5}, not {file.md5}. It was cut "
            f"short or altered on the way: try again, or get {file.url} elsewhere and put it at "
            f"{target.with_name(file.name)}."
        )
    state = read_keras_weights(source)
    with replacing(target) as temporary:
        save_file({key: value.contiguous() for key, value in state.items()}, temporary)
        digest = _sha256(temporary)
    write_text(_digest_file(target), f"{digest}\n")
    log.info("Cached %s", target)
    return target


def _is_whole(converted: Path) -> bool:
    """Whether a file is what was written: of another, the weights are made anew."""
    try:
        expected = _digest_file(converted).read_text(encoding="utf-8").strip()
        whole = expected == _sha256(converted)
    except (OSError, ValueError):
        whole = False
    if not whole:
        log.warning("%s is damaged, or of an earlier version: made anew", converted)
    return whole


def _digest_file(converted: Path) -> Path:
    return converted.with_name(f"{converted.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)  # plain md5 is barred on FIPS systems
