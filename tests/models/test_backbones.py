import pytest

from corrosion.errors import CorrosionError
from corrosion.models.backbones import STUDY_BACKBONES, create_backbone, stages, timm_name


@pytest.mark.parametrize(
    ("backbone", "features"),
    [("resnet50", 2048), ("mobilenetv2", 1280), ("nasnetmobile", 1056), ("efficientnetv2b0", 1280)],
)
def test_the_studys_backbones_have_their_published_number_of_features(backbone, features):
    network = create_backbone(backbone, image_size=224)
    assert network.num_features == features
    assert not hasattr(network, "classifier") or network.num_classes == 0


@pytest.mark.parametrize("backbone", [*STUDY_BACKBONES, "test_resnet", "test_vit"])
def test_stages_hold_every_parameter_once_from_the_input_on(backbone):
    network = create_backbone(backbone, image_size=160)
    groups = stages(network)
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert len(groups) > 2


def test_a_timm_name_with_an_unknown_tag_is_an_error_that_lists_known_tags():
    with pytest.raises(CorrosionError, match="tag"):
        create_backbone("resnet18.no_such_tag", image_size=224)


def test_our_names_stand_for_timm_names():
    assert timm_name("mobilenetv2") == "mobilenetv2_100.ra_in1k"
    assert timm_name("convnext_tiny") == "convnext_tiny"
