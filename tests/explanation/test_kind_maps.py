"""Maps of a kind of corrosion."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from samples import write_checkpoint

import corrosion
from corrosion.errors import CorrosionError
from corrosion.explanation.cam import activation_maps
from corrosion.explanation.explain_files import explain_files
from corrosion.explanation.panels import verdict
from corrosion.models.checkpoint import store_choices
from corrosion.models.kind_head import KindHead
from corrosion.settings.explanation import ExplanationSettings

NAMES = ("crevice", "pitting", "uniform")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    features = write_checkpoint(path).network.backbone.num_features
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, features, generator=generator)
    store_choices(path, None, kinds=KindHead(NAMES, weight, torch.zeros(3)))
    return path


@pytest.fixture(scope="module")
def network(checkpoint):
    return corrosion.load_model(checkpoint)


def images(count=2):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 3, 64, 64, generator=generator)


def test_a_map_shares_the_logit_of_its_kind_among_places(network):
    """With a linear head, Grad-CAM's map adds up to the logit without its bias."""
    maps = activation_maps(network, images(), target="pitting", method="hirescam")
    with torch.no_grad():
        logits = network.forward_kinds(network.forward_features(images()))
    expected = logits[:, 1] - logits.mean(dim=1)
    torch.testing.assert_close(maps.raw.sum(dim=(1, 2)), expected, rtol=1e-3, atol=1e-4)
    assert maps.targets == ["pitting", "pitting"]
    plain = activation_maps(network, images(), method="gradcam", target="pitting")
    # gradcam weighs channels by the mean gradient: a place's part times the number of places
    for one, other in zip(plain.scaled(), maps.scaled(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_maps_of_all_kinds_cancel_each_other(network):
    raw = [activation_maps(network, images(), target=name).raw for name in NAMES]
    torch.testing.assert_close(sum(raw), torch.zeros_like(raw[0]), rtol=0, atol=1e-4)


def test_what_is_said_of_corrosion_does_not_depend_on_the_target(network):
    kind, plain = (
        activation_maps(network, images(), target=one) for one in ("uniform", "corrosion")
    )
    assert torch.equal(kind.logit, plain.logit)
    assert torch.equal(kind.probability, plain.probability)
    assert kind.kinds == plain.kinds
    assert plain.of_target is None
    chances = network.predict_kinds(images())
    told = [NAMES[number] for number in chances.argmax(dim=1).tolist()]
    assert [one.name for one in kind.kinds] == told
    torch.testing.assert_close(kind.of_target, chances[:, NAMES.index("uniform")])
    got = torch.tensor([one.probability for one in kind.kinds])
    torch.testing.assert_close(got, chances.amax(dim=1))


def test_a_target_that_is_no_kind_is_refused_with_those_that_are(network):
    with pytest.raises(CorrosionError, match="target=rust: choose .*crevice, pitting, uniform"):
        activation_maps(network, images(), target="rust")


def test_pictures_of_a_kind_are_drawn_of_files(checkpoint, tmp_path):
    photograph = tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photograph)
    settings = ExplanationSettings(target="pitting", coco=True, threshold=1e-6)
    explain_files([checkpoint], [photograph], tmp_path / "out", settings)
    row = pd.read_csv(tmp_path / "out" / "explanations.csv").iloc[0]
    assert row["target"] == "pitting"
    assert row["kind"] in NAMES
    assert 1 / 3 <= row["kind_probability"] <= 1
    network = corrosion.load_model(checkpoint)
    [found] = corrosion.explain(network, photograph, target="pitting")
    assert row["target_probability"] == pytest.approx(found.target_probability, abs=1e-4)
    assert (row["kind"] == "pitting") == (row["target_probability"] == row["kind_probability"])
    assert f"pitting {found.target_probability:.3f} if corroded" in verdict(found, threshold=0.5)
    assert (tmp_path / "out" / row["picture"]).is_file()
    [regions] = (tmp_path / "out").glob("*/regions.json")
    content = json.loads(regions.read_text())
    assert [one["name"] for one in content["categories"]][2:] == ["pitting"]
    assert {one["category_id"] for one in content["annotations"]} <= {2}


def test_a_network_without_kinds_refuses_one_before_it_begins(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    settings = ExplanationSettings(target="pitting")
    with pytest.raises(CorrosionError, match="this network tells no kinds"):
        explain_files([tmp_path / "best.ckpt"], [tmp_path / "a.png"], tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
