import shutil

import numpy as np
import pandas as pd
import pytest

from corrosion.errors import CorrosionError
from corrosion.export import export_checkpoint as module
from corrosion.export.export_checkpoint import export_checkpoint
from corrosion.export.quantising import PRECISIONS, cost, quantise
from corrosion.runtime import load
from corrosion.runtime.seal import UNSEALED, seal
from corrosion.settings.export import ExportSettings


@pytest.fixture
def run(exported, tmp_path):
    """A run's directory with the tiny checkpoint and its photographs."""
    paths = sorted(exported.photographs.iterdir())
    table = pd.DataFrame(
        {
            "path": [str(path) for path in paths],
            "label": [0, 1, 0, 1, 0, 1],
            "source": "",
            "group": range(6),
            "split": ["train", "train", "val", "val", "val", "val"],
            "content_hash": [str(number) for number in range(6)],
        }
    )
    table.to_csv(tmp_path / "split.csv", index=False)
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(exported.checkpoint, tmp_path / "checkpoints" / "best.ckpt")
    return tmp_path


@pytest.fixture
def instant(monkeypatch, exported):
    """Exports that write the float32 file at once, and losses of accuracy as a test gives them."""
    onnx = pytest.importorskip("onnx")

    def copied(source, path, pixels, precision, metadata):
        model = onnx.load(exported.onnx)
        model.metadata_props[0].value = metadata
        onnx.save(model, path)

    def lossy(*losses):
        remaining = iter(losses)
        monkeypatch.setattr(module, "quantise", copied)
        monkeypatch.setattr(module, "write", lambda *_: None)

        class Found:
            loss = None

            def caution(self, decisions, largest):
                return f"8 bits: {decisions} decisions, {largest:.2f}"

        def judged(*_, **__):
            found = Found()
            found.loss = next(remaining)
            return found

        monkeypatch.setattr(module, "cost", judged)

    return lossy


INT8 = ExportSettings(int8=True)


def unsealed(metadata):
    return metadata.replace(sha256=UNSEALED.decode("ascii"))


def test_a_network_of_8_bits_gives_the_same_outputs_nearly(exported, tmp_path):
    pytest.importorskip("nncf")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 64, 64), dtype=np.uint8)
    path = tmp_path / "small.onnx"
    quantise(exported.onnx, path, pixels, PRECISIONS[1], exported.export.metadata.text)
    with pytest.raises(CorrosionError, match="has changed"):
        load(path)  # its metadata are those of another file
    quantise(exported.onnx, path, pixels, PRECISIONS[1], unsealed(exported.export.metadata).text)
    seal(path)
    found, known = load(path), load(exported.onnx)
    assert unsealed(found.metadata) == unsealed(known.metadata)
    assert path.read_bytes() != exported.onnx.read_bytes()
    for name in ("probability", "map_scale"):
        np.testing.assert_allclose(found.run(pixels)[name], known.run(pixels)[name], atol=0.05)


@pytest.mark.parametrize(
    ("losses", "precision", "ending"),
    [((0.0,), 0, ".onnx"), ((0.02, 0.005), 1, ".xml"), ((-0.01,), 0, ".onnx")],
)
def test_what_costs_too_much_stays_in_float32(run, instant, losses, precision, ending):
    instant(*losses)
    made = export_checkpoint(run, run / f"small{ending}", INT8)
    assert load(made.path).metadata.precision == PRECISIONS[precision]
    assert made.cost.loss == losses[-1]
    assert load(made.path).metadata.cautions[-1] == "8 bits: 0 decisions, 0.00"
    assert made.photographs.startswith("4 validation photographs")


def test_8_bits_that_cost_too_much_in_every_way_are_refused(run, instant):
    instant(0.02, 0.01)
    with pytest.raises(CorrosionError, match=r"max_loss=0.005 .*: 0.0200; .*: 0.0100"):
        export_checkpoint(run, run / "small.onnx", INT8)
    assert not (run / "small.onnx").exists()


def test_processors_that_add_in_16_bits_give_the_same_answers(exported, tmp_path):
    pytest.importorskip("nncf")
    import onnx

    pixels = np.random.default_rng(0).integers(0, 256, (6, 3, 64, 64), dtype=np.uint8)
    quantise(exported.onnx, tmp_path / "small.onnx", pixels, PRECISIONS[0], "")
    tensors = map(onnx.numpy_helper.to_array, onnx.load(tmp_path / "small.onnx").graph.initializer)
    weights = [
        np.abs(one.astype(int)).max() for one in tensors if one.dtype == np.int8 and one.ndim
    ]
    assert weights
    assert 2 * 255 * max(weights) <= 32_767  # x86 without VNNI adds two products in 16 bits


def test_without_validation_photographs_8_bits_are_refused(exported, tmp_path):
    pytest.importorskip("nncf")
    with pytest.raises(CorrosionError, match="lies in no run"):
        export_checkpoint(exported.checkpoint, tmp_path / "small.onnx", INT8)


def test_cost_is_accuracy_and_area_before_and_after():
    records = pd.DataFrame({"label": [0, 1] * 10})
    known = np.where(records["label"] == 1, 0.9, 0.1)
    found = known.copy()
    found[0] = 0.8
    judged = cost(records, known, found, threshold=0.5)
    assert judged.loss == pytest.approx(0.05)
    assert judged.after["accuracy"].low < 0.95 < judged.after["accuracy"].high
    assert judged.before["auroc"].value == 1
    assert "20 validation photographs its accuracy is 0.950 (95% in" in judged.caution(1, 0.7)
