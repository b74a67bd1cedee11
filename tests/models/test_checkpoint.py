import subprocess
import sys

import pytest
import torch
from samples import calibration

import corrosion
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import describe, store_choices
from corrosion.models.digest import sign
from corrosion.training.module import CorrosionModule


def write_checkpoint(path, **changes):
    torch.manual_seed(0)
    module = CorrosionModule(
        "test_resnet.r160_in1k",
        dense_units=8,
        image_size=64,
        resize="crop",
        threshold=0.3,
        tta="hflip",
    )
    content = {
        "state_dict": module.state_dict(),
        "hyper_parameters": dict(module.hparams),
        "epoch": 4,
        **changes,
    }
    sign(content)
    torch.save(content, path)
    return module


def test_a_checkpoint_gives_a_plain_module_ready_for_inference(tmp_path):
    module = write_checkpoint(tmp_path / "best.ckpt")
    network = corrosion.load_model(tmp_path / "best.ckpt")
    assert not network.training
    assert network.classes == ("no_corrosion", "corrosion")
    assert (network.threshold, network.image_size, network.resize) == (0.3, 64, "crop")
    assert network.tta == "hflip"
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    torch.testing.assert_close(network(images), module.network.eval()(images))


def test_loading_needs_neither_hydra_nor_lightning(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    program = (
        "import sys, corrosion\n"
        f"corrosion.load_model({str(tmp_path / 'best.ckpt')!r})\n"
        "print([name for name in ('hydra', 'lightning', 'albumentations') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_importing_the_package_loads_no_heavy_package():
    program = (
        "import sys, corrosion, corrosion.cli.main\n"
        "print([n for n in ('torch', 'timm', 'cv2', 'albumentations') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_network_that_learnt_from_planted_marks_is_told_by_its_checkpoint(tmp_path, caplog):
    module = write_checkpoint(tmp_path / "honest.ckpt")
    corrosion.load_model(tmp_path / "honest.ckpt")
    assert not caplog.records
    marked = {**module.hparams, "shortcut": 0.9}
    write_checkpoint(tmp_path / "marked.ckpt", hyper_parameters=marked)
    assert describe(tmp_path / "marked.ckpt")["shortcut"] == 0.9
    assert "marked.ckpt was trained on corroded images with a planted mark" in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-20],
        lambda content: content[:9000] + bytes(100) + content[9100:],
        lambda content: content[:1] + content[2:],
        lambda content: b"",
    ],
    ids=["half of it", "without its end", "overwritten inside", "a byte lost", "empty"],
)
def test_a_damaged_file_is_never_predicted_with(tmp_path, damage):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CorrosionError, match="copy it again from where it was written") as caught:
        corrosion.load_model(path)
    assert len(str(caught.value).splitlines()) == 1


def test_weights_that_are_not_finite_are_refused_with_the_way_out(tmp_path):
    module = write_checkpoint(tmp_path / "best.ckpt")
    state = module.state_dict()
    state["network.head.dense.bias"] = state["network.head.dense.bias"] * torch.nan
    write_checkpoint(tmp_path / "best.ckpt", state_dict=state)
    with pytest.raises(
        CorrosionError, match=r"Train again with a lower model\.lr, or take another"
    ):
        corrosion.load_model(tmp_path / "best.ckpt")


def test_a_state_dict_of_another_program_is_no_checkpoint(tmp_path):
    torch.save({"layer.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CorrosionError, match=r"training with weights="):
        corrosion.load_model(tmp_path / "other.pth")


def test_a_checkpoint_that_lacks_tensors_is_an_error_that_names_the_network(tmp_path):
    write_checkpoint(tmp_path / "cut.ckpt", state_dict={})
    with pytest.raises(CorrosionError, match="test_resnet"):
        corrosion.load_model(tmp_path / "cut.ckpt")


def test_a_missing_checkpoint_is_an_error_that_names_the_path(tmp_path):
    with pytest.raises(CorrosionError, match=r"none\.ckpt"):
        corrosion.load_model(tmp_path / "none.ckpt")


def test_what_was_chosen_on_validation_is_kept_and_used(tmp_path):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    before = torch.load(path, weights_only=True)
    images = torch.rand(3, 3, 64, 64)
    model = corrosion.load_model(path)
    assert (model.temperature, model.thresholds, model.band) == (1.0, {}, None)
    logits = model(images)
    chosen = {"best F1": 0.3}
    store_choices(path, calibration(2.5, thresholds=chosen))
    model = corrosion.load_model(path)
    assert (model.thresholds, model.band) == (chosen, (0.2, 0.7))
    assert torch.equal(model(images), logits)
    torch.testing.assert_close(
        model.predict_proba(images), (model.predict_logits(images) / 2.5).sigmoid()
    )
    after = torch.load(path, weights_only=True)
    assert after.pop("calibration")["images"] == 80
    assert after.keys() == before.keys()


def test_what_is_known_of_a_network_is_kept_as_plain_values(tmp_path):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    assert corrosion.load_model(path).competence is None
    known = {"auroc": 0.6, "low": 0.4, "high": 0.8, "level": 0.95, "images": 40, "subset": "test"}
    known |= {"generated": True}
    rule = "at most 0.01 wrong, promised with confidence 0.9"
    store_choices(path, calibration(band_rule=rule), competence=known)
    store_choices(path, None)  # leaves what is there
    assert corrosion.load_model(path).competence == known
    assert describe(path)["band_rule"] == rule


def test_the_directory_of_a_run_stands_for_its_best_checkpoint(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(CorrosionError, match=r"run holds no checkpoints/best\.ckpt"):
        corrosion.load_model(tmp_path / "run")
    write_checkpoint(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert corrosion.load_model(tmp_path / "run").image_size == 64


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "device=cuda: PyTorch finds no GPU here. Give auto or cpu."),
        ("cuda:7", "device=cuda:7: PyTorch finds"),
        ("mps", "device=mps: this machine has none"),
        ("gpu", "device=gpu: give auto, cpu, cuda, cuda:1 or mps"),
        ("meta", "device=meta: give auto"),
    ],
)
def test_a_device_that_is_not_there_is_one_clear_error(tmp_path, monkeypatch, device, message):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    write_checkpoint(tmp_path / "best.ckpt")
    with pytest.raises(CorrosionError, match=message):
        corrosion.load_model(tmp_path / "best.ckpt", device=device)


def test_auto_is_a_device_of_this_machine(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    network = corrosion.load_model(tmp_path / "best.ckpt", device="auto")
    assert network.mean.device.type in ("cpu", "cuda", "mps")
