import io
import tarfile

import pytest

from corrosion.errors import CorrosionError
from corrosion.export import web_runtime as module
from corrosion.export.web_runtime import web_runtime

FILES = {"ort.wasm.bundle.min.mjs": b"script", "ort-wasm-simd-threaded.wasm": b"program"}


@pytest.fixture
def small(monkeypatch):
    """A runtime of a few bytes, in place of the real one."""
    digests = {name: module.hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(module, "_DIGESTS", digests)


def package(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def npm(path, monkeypatch, script):
    (path / "bin").mkdir()
    program = path / "bin" / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(path / "bin"), prepend=":")


def test_a_package_or_its_folder_can_be_given(small, tmp_path):
    folder = tmp_path / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    for name, content in FILES.items():
        (folder / "dist" / name).write_bytes(content)
    for given in (folder, package(tmp_path / "a.tgz", FILES)):
        found = web_runtime(given)
        assert (found.script, found.program) == (b"script", b"program")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**FILES, "ort-wasm-simd-threaded.wasm": b"other"}, "is not that of onnxruntime-web@"),
        ({"ort.wasm.bundle.min.mjs": b"script"}, "not the npm package"),
    ],
)
def test_another_package_is_refused(small, tmp_path, files, said):
    with pytest.raises(CorrosionError, match=said):
        web_runtime(package(tmp_path / "a.tgz", files))


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_what_is_no_package_is_refused(small, tmp_path, content):
    (tmp_path / "a.tgz").write_bytes(content)
    with pytest.raises(CorrosionError, match=r"a\.tgz: this is not the npm package"):
        web_runtime(tmp_path / "a.tgz")


def test_npm_is_asked_once_and_again_where_the_cache_is_damaged(
    small, cache, tmp_path, monkeypatch
):
    package(tmp_path / "package", FILES)
    npm(tmp_path, monkeypatch, f"echo asked >> {tmp_path}/log; cp {tmp_path}/package ort.tgz")
    for _ in range(2):
        assert web_runtime().program == b"program"
    assert (tmp_path / "log").read_text() == "asked\n"
    [script] = cache.rglob("*.mjs")
    script.write_bytes(b"damaged")
    assert web_runtime().script == b"script"
    assert (tmp_path / "log").read_text() == "asked\nasked\n"


def test_a_machine_without_npm_or_network_tells_the_way_out(small, cache, tmp_path, monkeypatch):
    npm(tmp_path, monkeypatch, "echo no network >&2; exit 1")
    with pytest.raises(CorrosionError, match=r"no network.*--web-runtime"):
        web_runtime()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CorrosionError, match=r"there is no npm: .*--web-runtime"):
        web_runtime()
    assert not cache.exists() or not list(cache.rglob("*.wasm"))
