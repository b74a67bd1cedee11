import hashlib
import json

import numpy as np
import pytest
import torch

from corrosion.errors import CorrosionError
from corrosion.export import export_checkpoint as module
from corrosion.export.export_checkpoint import ParityError, export_checkpoint
from corrosion.export.parity import compare
from corrosion.export.photographs import inputs_of_folder
from corrosion.models.checkpoint import load_model
from corrosion.runtime import load
from corrosion.settings.export import ExportSettings


def test_the_file_answers_as_the_checkpoint_does(exported):
    parity = exported.export.parity
    assert parity.images == 6
    assert set(parity.outputs) == {
        "probability", "logit", "map", "map_scale", "unlike_training", "kind_probabilities",
    }  # fmt: skip
    assert all(difference.largest < 1e-4 for difference in parity.outputs.values())
    assert parity.decisions == parity.reviews == 0
    assert str(exported.photographs) in exported.export.photographs


@pytest.mark.parametrize(("name", "suffix"), [("openvino", ".xml"), ("torch", ".pt2")])
def test_formats_of_other_endings_answer_as_the_checkpoint_does(exported, tmp_path, name, suffix):
    pytest.importorskip("openvino" if name == "openvino" else "torch")
    settings = ExportSettings(photographs=exported.photographs)
    made = export_checkpoint(exported.checkpoint, tmp_path / f"tiny{suffix}", settings)
    assert made.parity.within(1e-4)
    expected = exported.export.metadata.replace(sha256=made.metadata.sha256)
    assert load(made.path).metadata == made.metadata == expected
    there = {path.suffix for path in tmp_path.iterdir()}
    assert there == ({".xml", ".bin"} if name == "openvino" else {suffix})


def test_any_number_of_images_goes_in(exported):
    network, checkpoint = load(exported.onnx), load_model(exported.checkpoint)
    for count in (1, 3, 7):
        images = np.random.default_rng(count).integers(0, 256, (count, 3, 64, 64), dtype=np.uint8)
        known = checkpoint.predict_proba(torch.from_numpy(images)).detach().numpy()
        np.testing.assert_allclose(network.run(images)["probability"], known, atol=1e-5)


def test_the_number_of_images_has_a_name(exported):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(exported.onnx).graph
    for value in (*graph.input, *graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_metadata_say_all_that_decides(exported):
    found, checkpoint = load(exported.onnx).metadata, load_model(exported.checkpoint)
    assert found.threshold == checkpoint.threshold
    assert found.thresholds == checkpoint.thresholds
    assert found.band == checkpoint.band
    assert found.temperature == checkpoint.temperature
    assert found.tta == "hflip"
    assert (found.image_size, found.resize) == (64, "pad")
    assert found.model == "test_resnet.r160_in1k"
    digest = hashlib.sha256(exported.checkpoint.read_bytes()).hexdigest()
    assert found.checkpoint == digest
    assert json.loads(found.text)["classes"] == ["no_corrosion", "corrosion"]


def test_a_file_that_answers_otherwise_is_refused_and_not_left(exported, tmp_path, monkeypatch):
    other = load_model(exported.checkpoint)
    with torch.no_grad():
        other.head.logit.bias += 1
    write = module.write
    monkeypatch.setattr(module, "write", lambda _, *rest: write(other, *rest))
    settings = ExportSettings(format="torch", photographs=exported.photographs)
    with pytest.raises(ParityError, match="answers otherwise") as raised:
        export_checkpoint(exported.checkpoint, tmp_path / "out" / "tiny.pt2", settings)
    assert raised.value.parity.outputs["logit"].largest == pytest.approx(1, abs=1e-3)
    assert list((tmp_path / "out").iterdir()) == []


def test_changed_decisions_are_counted(exported):
    checkpoint = load_model(exported.checkpoint)
    inputs = inputs_of_folder(checkpoint, exported.photographs, 4, "photographs")
    assert len(inputs.pixels) == 4
    with torch.no_grad():
        checkpoint.head.logit.bias += 100
    parity = compare(checkpoint, load(exported.onnx), inputs.batches(3))
    assert parity.decisions == int((parity.probabilities < checkpoint.threshold).sum())
    assert not parity.within(1e-4)


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        ({"format": "tflite"}, "a.tflite", "litert-torch"),
        ({"format": "onnx"}, "a.xml", "end in .onnx"),
        ({}, "a.tar", "its ending says the format"),
        ({"int8": True}, "a.pt2", "int8 goes with format"),
        ({"web_runtime": "a.tgz"}, "a.onnx", "web_runtime is for format=html"),
        ({"photographs": "nowhere"}, "a.onnx", "photographs=nowhere"),
    ],
)
def test_what_can_not_be_is_refused_with_the_way_out(exported, tmp_path, settings, name, said):
    with pytest.raises(CorrosionError, match=said):
        export_checkpoint(exported.checkpoint, tmp_path / name, ExportSettings(**settings))
    assert not (tmp_path / name).exists()


def test_a_file_that_is_there_is_not_overwritten(exported):
    before = exported.onnx.read_bytes()
    with pytest.raises(CorrosionError, match="is there already"):
        export_checkpoint(exported.checkpoint, exported.onnx)
    assert exported.onnx.read_bytes() == before
