import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest

import corrosion
import corrosion.runtime
from corrosion.errors import CorrosionError
from corrosion.runtime import load
from corrosion.runtime.metadata import KEY, REQUIRED, Metadata
from corrosion.runtime.seal import UNSEALED, seal


@pytest.fixture(scope="module")
def network(exported):
    return load(exported.onnx)


@pytest.fixture(scope="module")
def checkpoint(exported):
    return corrosion.load_model(exported.checkpoint)


def test_predictions_are_those_of_the_checkpoint(network, checkpoint, exported):
    paths = sorted(exported.photographs.iterdir())
    found, known = network.predict(paths), corrosion.predict(checkpoint, paths)
    assert len(found) == 6
    for one, other in zip(found, known, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-5)
        assert one.unlike_training == pytest.approx(other.unlike_training, abs=1.1e-3)
        assert (one.path, one.decision, one.review) == (other.path, other.decision, other.review)
        assert one.kind == other.kind
        assert one.kind_probability == pytest.approx(other.kind_probability, abs=1e-5)
    assert {one.kind is None for one in found} == {one.decision == "no corrosion" for one in found}


def test_a_threshold_can_be_named(network, exported):
    found = network.predict(exported.photographs, threshold="recall")
    assert {one.decision for one in found} == {
        "corrosion detected" if one.probability >= 0.3 else "no corrosion" for one in found
    }


def test_corrosion_predict_takes_an_exported_network(network, exported):
    assert corrosion.predict(network, exported.photographs) == network.predict(exported.photographs)


def test_explanations_are_those_of_the_checkpoint(network, checkpoint, exported):
    found = network.explain(exported.photographs)
    known = corrosion.explain(checkpoint, exported.photographs)
    for one, other in zip(found, known, strict=True):
        assert one.map.shape == other.map.shape
        np.testing.assert_allclose(one.map, other.map, atol=1e-4)
        assert (one.target, one.empty, one.threshold) == (
            other.target, other.empty, other.threshold,
        )  # fmt: skip
        assert one.raw_scale == pytest.approx(other.raw_scale, rel=1e-4)
        assert one.decision == other.decision


def test_a_file_that_can_not_be_read_has_an_error(network, exported, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    [bad, good] = network.predict([broken, exported.photographs / "0.png"])
    assert bad.probability is None
    assert bad.error
    assert good.error is None
    with pytest.raises(CorrosionError, match="broken.jpg"):
        network.explain(broken)


def test_openvino_reads_onnx_too(network, exported):
    pytest.importorskip("openvino")
    other = load(exported.onnx, backend="openvino")
    assert other.metadata == network.metadata
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64), dtype=np.uint8)
    for name, values in network.run(images).items():
        np.testing.assert_allclose(other.run(images)[name], values, atol=1e-4)


SIGNALLED = """
import signal, sys
from corrosion.runtime import load
signal.signal(signal.SIGINT, lambda *_: print("interrupted"))
networks = [load(path, backend="openvino") for path in sys.argv[1:]]
while networks:
    del networks[0]
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_after_networks_of_openvino_ends_no_process(exported):
    pytest.importorskip("openvino")
    program = [sys.executable, "-c", SIGNALLED, exported.onnx, exported.onnx]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


@pytest.mark.parametrize("images", [np.zeros((1, 3, 32, 32), np.uint8), np.zeros((1, 3, 64, 64))])
def test_inputs_of_another_shape_or_type_are_refused(network, images):
    with pytest.raises(CorrosionError, match=r"takes uint8 \(N, 3, 64, 64\)"):
        network.run(images)


def test_an_output_that_is_not_there_is_named(network):
    with pytest.raises(CorrosionError, match="has no output mask"):
        network.run(np.zeros((1, 3, 64, 64), np.uint8), ["mask"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("model.onnx", "There is no"), ("model.ckpt", "is no exported file")],
)
def test_files_that_are_none_are_refused(tmp_path, name, said):
    with pytest.raises(CorrosionError, match=said):
        load(tmp_path / name)


@pytest.mark.parametrize(
    ("suffix", "backend"),
    [(".onnx", "auto"), (".onnx", "opencv"), (".xml", "auto"), (".pt2", "auto")],
)
@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_damaged_files_are_refused(exported, tmp_path, suffix, backend, content):
    if suffix == ".xml":
        pytest.importorskip("openvino")
    path = tmp_path / f"damaged{suffix}"
    whole = exported.onnx.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(CorrosionError, match="damaged|not written by corrosion export"):
        load(path, backend=backend)


def test_an_unknown_backend_is_refused(exported):
    with pytest.raises(CorrosionError, match="backend=tensorrt: choose auto, onnxruntime"):
        load(exported.onnx, backend="tensorrt")


def without(monkeypatch, *names):
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


def test_a_missing_backend_is_named_with_the_command_that_installs_it(exported, monkeypatch):
    without(monkeypatch, "onnxruntime")
    with pytest.raises(CorrosionError, match="needs the package onnxruntime: .*install"):
        load(exported.onnx, backend="onnxruntime")


def test_an_opencv_too_old_to_stand_in_asks_for_onnx_runtime(exported, monkeypatch):
    without(monkeypatch, "onnxruntime", "openvino")
    monkeypatch.setattr(cv2, "__version__", "4.13.0")
    with pytest.raises(CorrosionError, match="needs the package onnxruntime: .*install"):
        load(exported.onnx)


def test_where_nothing_else_is_installed_opencv_gives_the_same_answers(
    network, exported, monkeypatch, caplog
):
    without(monkeypatch, "onnxruntime", "openvino")
    caplog.set_level("INFO")
    other = load(exported.onnx)
    assert "ONNX Runtime is faster" in caplog.text
    assert other.metadata == network.metadata
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
    known = network.run(images)
    for found in (other.run(images), other.run(images, ["probability"])):
        for name, values in found.items():
            np.testing.assert_allclose(values, known[name], atol=1e-5)
    assert found.keys() == {"probability"}


def test_opencv_refuses_operators_that_it_may_crash_on(exported, tmp_path):
    content, sealed = exported.onnx.read_bytes(), load(exported.onnx).metadata.sha256
    path = tmp_path / "other.onnx"
    # names of the same length, so that the file stays one
    path.write_bytes(content.replace(b"\x04Conv", b"\x04Gelu").replace(sealed.encode(), UNSEALED))
    seal(path)
    with pytest.raises(CorrosionError, match="other.onnx, which uses Gelu: .*install"):
        load(path, backend="opencv")


def values(exported):
    return json.loads(exported.export.metadata.text)


def test_metadata_survive_the_file(exported):
    metadata = exported.export.metadata
    session = onnxruntime.InferenceSession(exported.onnx)
    text = session.get_modelmeta().custom_metadata_map[KEY]
    assert Metadata.parse(text, exported.onnx) == metadata


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": 2}, "schema_version=2"),
        ({"threshold": 1.5}, "threshold=1.5"),
        ({"resize": "squeeze"}, "resize=squeeze"),
        ({"outputs": list(REQUIRED[:2])}, "lack map, map_scale"),
        ({"temperature": None}, "temperature"),
    ],
)
def test_metadata_that_can_not_be_are_refused(exported, change, said):
    text = json.dumps(values(exported) | change)
    with pytest.raises(CorrosionError, match=said) as raised:
        Metadata.parse(text, Path("model.onnx"))
    assert "model.onnx" in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_metadata_of_another_kind_are_refused(text):
    with pytest.raises(CorrosionError, match="corrosion export CHECKPOINT"):
        Metadata.parse(text, Path("model.onnx"))


def test_a_network_of_another_program_is_refused(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported.onnx)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(CorrosionError, match="was not written by corrosion export"):
        load(tmp_path / "other.onnx")
