import pytest
import torch
from samples import write_checkpoint

import corrosion
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import describe, load_model, store_mask_network
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.mask_network import MaskNetwork


def mask_network(backbone="test_resnet.r160_in1k"):
    torch.manual_seed(0)
    network = CorrosionClassifier(backbone, image_size=64)
    return MaskNetwork(network.backbone, network.mean, network.std)


@pytest.mark.parametrize("backbone", ["test_resnet.r160_in1k", "convnext_atto", "nasnetmobile"])
def test_each_pixel_of_an_image_of_any_size_gets_a_logit(backbone):
    network = mask_network(backbone).eval()
    with torch.inference_mode():
        logits = network(torch.zeros(2, 3, 50, 71, dtype=torch.uint8))
    assert logits.shape == (2, 50, 71)
    assert logits.isfinite().all()


def test_a_backbone_of_one_resolution_is_refused():
    vit = CorrosionClassifier("test_vit.r160_in1k", image_size=64)
    with pytest.raises(CorrosionError, match="features at several resolutions"):
        MaskNetwork(vit.backbone, vit.mean, vit.std)


def test_learning_from_masks_leaves_classifier_and_statistics_as_they_are():
    classifier = CorrosionClassifier("test_resnet.r160_in1k", image_size=64)
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    network = MaskNetwork(classifier.backbone, classifier.mean, classifier.std).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.rand(4, 3, 64, 64)).mean().backward()
    optimizer.step()
    after = classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    own = network.backbone.state_dict()
    assert any(not torch.equal(before[f"backbone.{name}"], own[name]) for name in own)
    statistics = [name for name in own if "running" in name]
    assert statistics
    assert all(torch.equal(before[f"backbone.{name}"], own[name]) for name in statistics)


def test_a_checkpoint_keeps_the_mask_network_beside_its_classifier(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    classifier = load_model(tmp_path / "best.ckpt")
    masks = MaskNetwork(classifier.backbone, classifier.mean, classifier.std)
    masks.share_scale, masks.validated = 0.4, 12
    store_mask_network(tmp_path / "best.ckpt", masks, tmp_path / "both.ckpt")
    loaded = corrosion.load_model(tmp_path / "both.ckpt")
    images = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded(images), classifier(images))
        assert torch.equal(loaded.mask_network(images), masks.eval()(images))
    assert (loaded.mask_network.share_scale, loaded.mask_network.validated) == (0.4, 12)
    assert load_model(tmp_path / "best.ckpt").mask_network is None
    told, without = describe(tmp_path / "both.ckpt"), describe(tmp_path / "best.ckpt")
    assert told["mask_network"] == "learnt from masks, 12 validation photographs"
    assert told["parameters"] == without["parameters"]


def test_a_mask_network_that_is_not_finite_is_refused(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    classifier = load_model(tmp_path / "best.ckpt")
    masks = MaskNetwork(classifier.backbone, classifier.mean, classifier.std)
    torch.nn.init.constant_(masks.pixels[0].weight, float("nan"))
    store_mask_network(tmp_path / "best.ckpt", masks, tmp_path / "both.ckpt")
    with pytest.raises(CorrosionError, match=r"mask network are not finite .* lower lr"):
        load_model(tmp_path / "both.ckpt")
