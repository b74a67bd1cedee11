"""A probe is an ordinary run, made from features that are computed once."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import torch

import corrosion
from corrosion.command_check import settings_of
from corrosion.data.cache.features import FeatureCache
from corrosion.data.datamodule import CorrosionDataModule
from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.training.module import CorrosionModule
from corrosion.training.probe import Probe

pytestmark = pytest.mark.usefixtures("blank_figures")
NETWORK = {"backbone": "test_resnet.r160_in1k", "dense_units": 8, "image_size": 32}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_photos):
    root = tmp_path_factory.mktemp("photos")
    draw_photos(root, {"rusty": (150, 80, 40), "clean": (120, 125, 130)}, count=24, noise=15)
    return root


@pytest.fixture
def seen(monkeypatch):
    """How many images went into a backbone, by batch."""
    counts = []
    normalise = CorrosionClassifier.normalise
    monkeypatch.setattr(
        CorrosionClassifier,
        "normalise",
        lambda network, images: counts.append(len(images)) or normalise(network, images),
    )
    return counts


def settings(photos, *overrides):
    return settings_of(
        [
            "experiment=probe", "data=folder", f"data.root={photos}", "model.weights=null",
            "model.backbone=test_resnet.r160_in1k", "model.dense_units=8", "data.image_size=32",
            "data.num_workers=0", "trainer=cpu", "trainer.progress_bar=false", *overrides,
        ]
    )  # fmt: skip


def records(photos):
    paths = sorted(map(str, photos.glob("*/*.png")))
    return pd.DataFrame(
        {
            "path": paths,
            "label": [int("rusty" in path) for path in paths],
            "split": ["train", "train", "val", "test"] * 12,
            "content_hash": [f"{number:032x}" for number in range(48)],
        }
    )


def test_a_probe_writes_an_ordinary_run(photos, tmp_path):
    run = tmp_path / "run"
    objective = corrosion.train(settings(photos), run)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["val/loss"] == pytest.approx(objective)
    assert metrics["test/accuracy"] == 1.0
    assert metrics["epochs"] == metrics["best_epoch"] == 1
    assert (run / "report.html").is_file()
    assert list((run / "gradcam").glob("*.png"))
    table = pd.read_csv(run / "predictions.csv")
    network = corrosion.load_model(run)
    assert network.head.pooling == "rms"
    found = corrosion.predict(network, table["path"].tolist())
    np.testing.assert_allclose([one.probability for one in found], table["probability"], atol=1e-5)
    unlike = [one.unlike_training for one in found]
    np.testing.assert_allclose(unlike, table["unlike_training"], atol=0.02)
    validated = pd.read_csv(run / "predictions_val.csv")["unlike_training"]
    assert validated.max() >= 1 >= validated.quantile(0.95, interpolation="lower")
    share = json.loads((run / "evaluation.json").read_text())["unlike_training"]["share"]["value"]
    assert share == pytest.approx((table["unlike_training"] > 1).mean())
    assert "unlike them" in (run / "report.html").read_text()


def test_the_distance_to_training_images_takes_no_pass_of_its_own_in_a_probe(
    photos, tmp_path, seen
):
    corrosion.train(settings(photos, "explain.images=0"), tmp_path / "run")
    split = pd.read_csv(tmp_path / "run" / "split.csv")["split"].value_counts()
    assert sum(seen) == split.sum()


def test_a_second_run_looks_at_no_photograph_again_and_finds_the_same(
    photos, tmp_path, monkeypatch
):
    overrides = ("model.tta=hflip", "explain.images=0")
    corrosion.train(settings(photos, *overrides), tmp_path / "first")
    monkeypatch.delattr(CorrosionClassifier, "normalise")
    corrosion.train(settings(photos, *overrides), tmp_path / "second")
    monkeypatch.undo()
    for name in ("predictions.csv", "predictions_val.csv"):
        first, second = (pd.read_csv(tmp_path / run / name) for run in ("first", "second"))
        pd.testing.assert_frame_equal(first, second)
    table = pd.read_csv(tmp_path / "second" / "predictions.csv")
    found = corrosion.predict(corrosion.load_model(tmp_path / "second"), table["path"].tolist())
    np.testing.assert_allclose([one.probability for one in found], table["probability"], atol=1e-5)


@pytest.mark.parametrize("frozen", [True, False])
def test_training_can_go_on_from_the_logistic_regression(photos, tmp_path, frozen):
    overrides = (
        "model.unfreeze=all", f"model.freeze_batch_norm={frozen}", "trainer.max_epochs=1",
        "model.lr=1e-12", "explain.images=0",
    )  # fmt: skip
    corrosion.train(settings(photos, *overrides), tmp_path / "run")
    corrosion.train(settings(photos, "explain.images=0"), tmp_path / "probe")
    tuned, probe = (
        torch.load(tmp_path / run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
        for run in ("run", "probe")
    )
    for name, weight in probe.items():
        if name.endswith(("weight", "bias")):
            torch.testing.assert_close(tuned[name], weight, atol=1e-6, rtol=0)
    means = [name for name in probe if name.endswith("running_mean")]
    assert all(torch.equal(tuned[name], probe[name]) for name in means) == frozen
    assert (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file()


def test_features_of_networks_out_of_use_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr("corrosion.data.cache.features._LIMIT", 3000)
    for key in ("old", "new", "newest"):
        FeatureCache(key).save(["a"], np.ones((1, 300), np.float32))
        os.utime(tmp_path / "cache" / "features" / key, (1, len(key)))
    assert FeatureCache("old").load() == {}
    assert FeatureCache("newest").load()["a"].sum() == 300


def test_a_fine_tuning_can_start_from_a_probe(photos, tmp_path):
    corrosion.train(settings(photos, "explain.images=0"), tmp_path / "probe")
    tuned = settings(
        photos, "model.head_fit=gradient", "model.unfreeze=all", "trainer.max_epochs=1",
        f"model.weights={tmp_path / 'probe' / 'checkpoints' / 'best.ckpt'}", "explain.images=0",
    )  # fmt: skip
    corrosion.train(tuned, tmp_path / "tuned")
    weights = json.loads((tmp_path / "tuned" / "metrics.json").read_text())["weights"]
    assert weights["detail"] == "our checkpoint, backbone and head"


def test_features_are_computed_once_and_anew_for_another_network_or_size(photos, seen):
    table = records(photos)
    torch.manual_seed(0)
    module = CorrosionModule(**NETWORK)

    def fit(module):
        seen.clear()
        size = module.network.image_size
        data = CorrosionDataModule(table, image_size=size, num_workers=0, cache=True)
        data.prepare_data()
        Probe(module, data).fit()
        return sum(seen), module.network.head.dense.weight[:2].clone()

    first, weight = fit(module)
    again, same = fit(module)
    assert (first, again) == (36, 0)  # of training and validation
    assert torch.equal(weight, same)
    assert fit(CorrosionModule(**NETWORK | {"image_size": 48}))[0] == 36
    with torch.no_grad():
        next(module.network.backbone.parameters()).add_(0.01)
    assert fit(module)[0] == 36


def test_a_damaged_file_of_features_is_passed_over(tmp_path, caplog):
    cache = FeatureCache("key")
    cache.save(["a", "b"], np.ones((2, 3), np.float32))
    (tmp_path / "cache" / "features" / "key" / "0.v2.npz").write_bytes(b"PK\x03\x04 and no more")
    found = cache.load()
    assert found["b"].tolist() == [1, 1, 1]
    assert "0.v2.npz is damaged" in caplog.text


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.mixup=0.2", r"model\.head_fit=logistic alone knows no model\.mixup"),
        ("model.pos_weight=balanced", r"knows no model\.pos_weight"),
    ],
)
def test_what_only_a_training_can_do_is_refused(photos, override, message):
    with pytest.raises(CorrosionError, match=message):
        settings(photos, override)


def test_several_devices_are_refused(photos, tmp_path):
    with pytest.raises(CorrosionError, match="head_fit=logistic: one process"):
        corrosion.train(settings(photos, "trainer.devices=2"), tmp_path / "run")
