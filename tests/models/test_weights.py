import logging
import pickle

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from samples import write_checkpoint

from corrosion.errors import CorrosionError
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.weights import load_weights

TINY = "test_resnet.r160_in1k"


def network(seed, dense_units=8):
    torch.manual_seed(seed)
    return CorrosionClassifier(TINY, dense_units=dense_units, image_size=64)


def same(first, second):
    return all(
        torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items()
    )


@pytest.fixture
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_null_keeps_random_weights_and_says_so():
    net = network(0)
    loaded = load_weights(net, TINY, None)
    assert loaded.used == "random"
    assert same(net, network(0))


@pytest.mark.usefixtures("offline")
def test_imagenet_weights_offline_are_one_error_with_the_ways_out():
    with pytest.raises(CorrosionError, match="weights=PATH") as caught:
        load_weights(network(0), "mobilenetv2", "imagenet")
    assert "timm/mobilenetv2_100.ra_in1k" in str(caught.value)
    assert "weights=null" in str(caught.value)


@pytest.mark.usefixtures("offline")
def test_auto_offline_falls_back_to_random_weights_with_a_loud_warning(caplog):
    net = network(0)
    with caplog.at_level(logging.WARNING):
        loaded = load_weights(net, TINY, "auto")
    assert loaded.used == "random"
    assert "not available" in loaded.detail
    assert "RANDOM WEIGHTS" in caplog.text
    assert same(net, network(0))


@pytest.mark.parametrize("kind", ["pth", "safetensors", "wrapped.pt", "parallel.bin"])
def test_a_state_dict_fills_the_backbone(tmp_path, kind):
    donor = network(1).backbone
    state = {**donor.state_dict(), "fc.weight": torch.zeros(3, 3)}
    path = tmp_path / f"weights.{kind}"
    if kind == "safetensors":
        save_file(state, path)
    elif kind == "wrapped.pt":
        torch.save({"model": state}, path)
    elif kind == "parallel.bin":
        torch.save({f"module.{key}": value for key, value in state.items()}, path)
    else:
        torch.save(state, path)
    net = network(0)
    loaded = load_weights(net, TINY, str(path))
    assert loaded.used == "file"
    assert same(donor, net.backbone)
    assert same(net.head, network(0).head)


def vit(seed, size, backbone="test_vit.r160_in1k"):
    torch.manual_seed(seed)
    return CorrosionClassifier(backbone, dense_units=8, image_size=size)


def smooth_positions(net, side):
    """Make position embeddings a ramp over the rows and another over the columns."""
    ramp = torch.linspace(0, 1, side)
    with torch.no_grad():
        channels = net.backbone.pos_embed[0, 1:]
        channels[:, 0] = ramp.repeat_interleave(side)
        channels[:, 1] = ramp.repeat(side)


def agree_but_for_positions(first, second):
    theirs = second.state_dict()
    return all(
        torch.equal(value, theirs[key])
        for key, value in first.state_dict().items()
        if key != "pos_embed"
    )


@pytest.mark.parametrize("kind", ["state dict", "checkpoint"])
def test_position_embeddings_of_another_image_size_are_resampled(tmp_path, kind):
    donor, net = vit(1, 160), vit(0, 96)
    smooth_positions(donor, 10)
    if kind == "checkpoint":
        path = checkpoint(tmp_path / "best.ckpt", donor)
    else:
        path = str(tmp_path / "vit.pth")
        torch.save(donor.backbone.state_dict(), path)
    assert load_weights(net, "test_vit.r160_in1k", path).used == "file"
    assert agree_but_for_positions(donor.backbone, net.backbone)
    rows, columns = net.backbone.pos_embed[0, 1:, :2].T.detach().reshape(2, 6, 6)
    expected = (torch.arange(6) + 0.5) * 10 / 6 - 0.5  # in steps of the old grid
    torch.testing.assert_close(rows, (expected / 9)[:, None].expand(6, 6), atol=0.05, rtol=0)
    torch.testing.assert_close(columns, (expected / 9).expand(6, 6), atol=0.05, rtol=0)
    assert torch.equal(net.backbone.pos_embed[0, 0], donor.backbone.pos_embed[0, 0])


def test_weights_as_dinov2s_authors_publish_them_fill_the_backbone(tmp_path):
    name = "vit_small_patch14_reg4_dinov2"
    donor = vit(1, 56, name).backbone
    published = {key: value.clone() for key, value in donor.state_dict().items()}
    published["register_tokens"] = published.pop("reg_token")
    published["pos_embed"] = torch.cat([torch.ones(1, 1, 384), published["pos_embed"]], dim=1)
    published["cls_token"] -= 1  # theirs gets its position later, timm's has it
    published["mask_token"] = torch.zeros(1, 384)
    torch.save(published, tmp_path / "dinov2.pth")
    net = vit(0, 56, name)
    load_weights(net, name, str(tmp_path / "dinov2.pth"))
    for key, value in donor.state_dict().items():
        torch.testing.assert_close(net.backbone.state_dict()[key], value)


@pytest.mark.usefixtures("offline")
def test_cached_weights_of_another_image_size_are_resampled(tmp_path):
    donor, net = vit(1, 160), vit(0, 96)
    hub = tmp_path / "hub" / "models--timm--test_vit.r160_in1k"
    (hub / "refs").mkdir(parents=True)
    (hub / "refs" / "main").write_text("abc")
    (hub / "snapshots" / "abc").mkdir(parents=True)
    state = {**donor.backbone.state_dict(), "head.weight": torch.zeros(1000, 64)}
    save_file(state, hub / "snapshots" / "abc" / "model.safetensors")
    loaded = load_weights(net, "test_vit.r160_in1k", "imagenet")
    assert (loaded.used, loaded.detail) == ("imagenet", "test_vit.r160_in1k")
    assert agree_but_for_positions(donor.backbone, net.backbone)
    assert net.backbone.pos_embed.shape == (1, 1 + 6 * 6, 64)


def checkpoint(path, net):
    state = {f"network.{key}": value for key, value in net.state_dict().items()}
    torch.save({"state_dict": state, "hyper_parameters": {}}, path)
    return str(path)


def test_one_of_our_checkpoints_fills_backbone_and_head(tmp_path):
    net = network(0)
    loaded = load_weights(net, TINY, checkpoint(tmp_path / "best.ckpt", network(1)))
    assert "head" in loaded.detail
    assert same(net, network(1))


def test_of_a_checkpoint_whose_head_pools_otherwise_only_the_backbone_is_used(tmp_path, caplog):
    write_checkpoint(tmp_path / "a.ckpt", pooling="rms")
    net = network(0)
    loaded = load_weights(net, TINY, str(tmp_path / "a.ckpt"))
    assert "backbone only" in loaded.detail
    assert "its head differs (model.pooling)" in caplog.text
    alike = CorrosionClassifier(TINY, dense_units=8, image_size=64, pooling="rms")
    assert "head" in load_weights(alike, TINY, str(tmp_path / "a.ckpt")).detail


def test_of_a_checkpoint_with_another_head_only_the_backbone_is_used(tmp_path):
    net = network(0)
    loaded = load_weights(net, TINY, checkpoint(tmp_path / "a.ckpt", network(1, dense_units=4)))
    assert "backbone only" in loaded.detail
    assert same(net.backbone, network(1).backbone)
    assert same(net.head, network(0).head)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    other = CorrosionClassifier("test_efficientnet", dense_units=8, image_size=64)
    torch.save(other.backbone.state_dict(), tmp_path / "other.pth")
    with pytest.raises(CorrosionError, match=r"other\.pth doesn't fit"):
        load_weights(network(0), TINY, str(tmp_path / "other.pth"))


def test_a_missing_file_is_an_error_that_lists_the_choices(tmp_path):
    with pytest.raises(CorrosionError, match="auto, imagenet, null"):
        load_weights(network(0), TINY, str(tmp_path / "none.pth"))


class Intruder:
    def __reduce__(self):
        return (print, ("code from a checkpoint ran",))


@pytest.mark.parametrize("name", ["a.pth", "a.ckpt"])
def test_pickled_code_is_refused_and_never_runs(tmp_path, capsys, name):
    torch.save({"state_dict": {"network.x": Intruder()}}, tmp_path / name)
    with pytest.raises(CorrosionError, match="pickled code"):
        load_weights(network(0), TINY, str(tmp_path / name))
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not weights", pickle.dumps({"a": 1})])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_damaged_files_are_errors_that_name_the_file(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorrosionError, match=name.replace(".", r"\.")):
        load_weights(network(0), TINY, str(tmp_path / name))
