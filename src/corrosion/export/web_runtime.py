"""ONNX Runtime Web, which runs networks in browsers: two files of the npm package onnxruntime-web.

No Python package has them, and they are too large for a repository of source code (14 MB). They are
taken from a copy that the user gives, from the cache, or once from npm's registry by npm itself,
and must be the very bytes that this version of corrosion was tested with.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from corrosion.data.cache.directory import cache_dir
from corrosion.errors import CorrosionError
from corrosion.system.files import replacing

log = logging.getLogger(__name__)

VERSION = "1.30.0"
"""Version of ONNX Runtime Web, by Microsoft, MIT licence."""

_PACKAGE = f"onnxruntime-web@{VERSION}"
_SCRIPT, _PROGRAM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
_DIGESTS: Mapping[str, str] = MappingProxyType(
    {
        _SCRIPT: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
        _PROGRAM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    }
)
_SECONDS = 900  # 33 MB by a slow line

LICENCE = """MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
"""Its licence, which goes with every copy."""


@dataclass(frozen=True)
class WebRuntime:
    """ONNX Runtime Web for one thread of the processor.

    Attributes:
        script: a module of JavaScript.
        program: the WebAssembly that the script starts.
    """

    script: bytes
    program: bytes


def web_runtime(given: Path | None = None) -> WebRuntime:
    """Find ONNX Runtime Web.

    Args:
        given: the npm package as a .tgz, or unpacked as in node_modules/onnxruntime-web; None takes
            the cache, and where it is not there yet, what `npm pack` downloads.

    Raises:
        CorrosionError: it is not to be had, or is another version.
    """
    if given is not None:
        return _checked(_read(given), given)
    folder = cache_dir() / _PACKAGE.replace("@", "-")
    if all((folder / name).is_file() for name in _DIGESTS):
        found = {name: (folder / name).read_bytes() for name in _DIGESTS}
        if _differing(found) is None:
            return WebRuntime(found[_SCRIPT], found[_PROGRAM])
        log.warning("%s is damaged, and is downloaded anew", folder)
    with tempfile.TemporaryDirectory() as temporary:
        package = _downloaded(Path(temporary))
        files = _read(package)
        runtime = _checked(files, package)
    for name, content in files.items():
        with replacing(folder / name) as path:
            path.write_bytes(content)
    return runtime


def _downloaded(folder: Path) -> Path:
    """The package as npm gets it, from the registry that the user has set up; no script of it runs.

    Raises:
        CorrosionError: there is no npm, or it fails.
    """
    instead = (
        f"Or get {_PACKAGE} on another machine by npm pack {_PACKAGE}, and give the file as "
        f"--web-runtime."
    )
    npm = shutil.which("npm")
    if npm is None:
        raise CorrosionError(
            f"format=html needs {_PACKAGE}, which npm downloads once, and there is no npm: install "
            f"Node.js. {instead}"
        )
    log.info("Downloading %s by npm (33 MB), this once", _PACKAGE)
    command = [npm, "pack", _PACKAGE, "--ignore-scripts", "--silent"]
    try:
        subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=_SECONDS
        )
        return next(folder.glob("*.tgz"))
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise CorrosionError(
            f"npm can't download {_PACKAGE} [{said[0][:200] if said else error!r}]: try again "
            f"where there is a network. {instead}"
        ) from error


def _read(given: Path) -> dict[str, bytes]:
    """The files of a package, by name."""
    try:
        if given.is_dir():
            return {name: (given / "dist" / name).read_bytes() for name in _DIGESTS}
        with tarfile.open(given) as archive:
            return {name: _member(archive, f"package/dist/{name}") for name in _DIGESTS}
    except (OSError, KeyError, EOFError, tarfile.TarError) as error:
        raise CorrosionError(
            f"web_runtime={given}: this is not the npm package {_PACKAGE} [{error}]. Give the .tgz "
            f"of npm pack {_PACKAGE}, or the folder node_modules/onnxruntime-web."
        ) from error


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(f"{name} is no file")
    return file.read()


def _checked(files: dict[str, bytes], where: Path) -> WebRuntime:
    name = _differing(files)
    if name is not None:
        raise CorrosionError(
            f"web_runtime={where}: its {name} is not that of {_PACKAGE}, the version that "
            f"corrosion was tested with. Get it by npm pack {_PACKAGE}."
        )
    return WebRuntime(files[_SCRIPT], files[_PROGRAM])


def _differing(files: Mapping[str, bytes]) -> str | None:
    """The first file that is not as it should be."""
    return next(
        (one for one in files if hashlib.sha256(files[one]).hexdigest() != _DIGESTS[one]), None
    )
