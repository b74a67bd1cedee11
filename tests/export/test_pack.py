import math
import shutil

import numpy as np
import pytest
import timm
import torch
import yaml
from finished_runs import write_run
from samples import calibration, write_checkpoint

from corrosion import load_model
from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.export.pack import pack_checkpoint
from corrosion.models.checkpoint import store_choices
from corrosion.settings.packing import PackSettings


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64), dtype=np.uint8)
    return torch.from_numpy(pixels)


@pytest.fixture
def packed(exported, tmp_path):
    return pack_checkpoint(exported.checkpoint, tmp_path / "packed")


@torch.inference_mode()
def test_the_folder_is_the_checkpoint(exported, packed, images):
    before, after = load_model(exported.checkpoint), load_model(packed)
    assert torch.equal(after.predict_proba(images), before.predict_proba(images))
    assert torch.equal(after.unlike_training(images), before.unlike_training(images))
    assert after.thresholds == before.thresholds
    assert after.band == before.band
    assert after.temperature == before.temperature


@torch.inference_mode()
def test_timm_builds_the_backbone_from_it(packed, images):
    network = load_model(packed)
    backbone = timm.create_model(f"local-dir:{packed}", pretrained=True).eval()
    features = backbone(network.normalise(images))
    torch.testing.assert_close(features, network.forward_features(images))
    size = timm.data.resolve_model_data_config(backbone)["input_size"]
    assert tuple(size) == (3, 64, 64)


def test_commands_take_it(exported, packed, tmp_path, capsys):
    assert main(["info", str(packed)]) == 0
    assert "sha256" in capsys.readouterr().out
    out = tmp_path / "predictions"
    command = ["predict", str(packed), str(exported.photographs), "--out", str(out)]
    assert main([*command, "--device", "cpu"]) == 0
    assert (out / "predictions.csv").is_file()


def test_values_that_json_lacks_come_back(tmp_path):
    checkpoint = tmp_path / "tiny.ckpt"
    write_checkpoint(checkpoint)
    unknown = {"auroc": 0.9, "low": math.nan, "high": math.nan, "level": 0.95, "images": 9}
    store_choices(checkpoint, calibration(), competence={**unknown, "subset": "test"})
    folder = pack_checkpoint(checkpoint, tmp_path / "packed")
    assert math.isnan(load_model(folder).competence["low"])
    assert "NaN" not in (folder / "config.json").read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.safetensors", "holds no checkpoints/best.ckpt"),
        ("corrosion.safetensors", "corrosion.safetensors can't be read"),
        ("config.json", "has no config.json beside it"),
    ],
)
def test_a_missing_file_is_named(packed, name, said):
    (packed / name).unlink()
    with pytest.raises(CorrosionError, match=said):
        load_model(packed)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"temperature": 1.7', '"temperature": 1.2'),
        ('"$tensor": "training_distance.reference"', '"$tensor": "nowhere"'),
        ('"corrosion": {', '"other": {'),
        ('"$backbone": "bn1.weight"', '"$backbone": "bn1.bias"'),
    ],
)
def test_a_changed_config_is_refused(packed, old, new):
    config = packed / "config.json"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    with pytest.raises(CorrosionError, match=r"config\.json|model\.safetensors"):
        load_model(packed)


def test_a_flipped_bit_in_the_weights_is_refused(packed):
    weights = packed / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CorrosionError, match="changed or damaged since it was written"):
        load_model(packed)


def test_weights_of_another_program_are_told_what_they_are_good_for(packed):
    (packed / "config.json").write_text('{"architecture": "resnet18"}')
    with pytest.raises(CorrosionError, match=r"model\.weights="):
        load_model(packed)


def test_the_card_of_a_lone_checkpoint_says_what_is_unknown(packed):
    text = (packed / "README.md").read_text()
    assert "Unknown: the checkpoint was packed without the predictions of its run" in text
    assert "What they were is unknown" in text
    assert "No licence of the weights was named" in text


def test_the_card_of_a_run_has_its_figures_and_what_the_user_said(exported, tmp_path):
    run = tmp_path / "run"
    write_run(run)
    (run / "checkpoints").mkdir()
    shutil.copy(exported.checkpoint, run / "checkpoints" / "best.ckpt")
    said = PackSettings(title="Bridges | 2026", license="CC-BY-4.0", data="Ours, of <steel>.")
    folder = pack_checkpoint(run, tmp_path / "packed", said)
    text = (folder / "README.md").read_text()
    header = yaml.safe_load(text.split("---")[1])
    assert header["license"] == "cc-by-4.0"
    [result] = header["model-index"][0]["results"]
    measured = {one["type"]: one["value"] for one in result["metrics"]}
    assert 0.5 < measured["accuracy"] < 1
    assert f"| accuracy | {measured['accuracy']:.4f} |" in text
    assert "# Bridges | 2026" in text
    assert "Ours, of &lt;steel>." in text
    assert str(tmp_path) not in text + (folder / "config.json").read_text()


def test_what_is_there_already_stays(exported, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(CorrosionError, match="is there already"):
        pack_checkpoint(exported.checkpoint, tmp_path / "mine")
    assert main(["pack", str(exported.checkpoint), "--out", str(tmp_path / "mine")]) == 1
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("given", ["ours", "MIT OR Apache-2.0", "LicenseRef-ours", "nan"])
def test_a_licence_that_spdx_does_not_know_is_refused(given):
    with pytest.raises(CorrosionError, match=r"license=.*https://spdx.org/licenses"):
        PackSettings(license=given)
    assert PackSettings(license="other").license == "other"
