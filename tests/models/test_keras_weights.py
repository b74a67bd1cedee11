import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from corrosion.errors import CorrosionError
from corrosion.models import keras_download
from corrosion.models.keras_download import KerasFile
from corrosion.models.keras_weights import keras_layers, load_keras_weights
from corrosion.models.nasnet import NASNet

Layers = dict[str, list[np.ndarray]]


def write_legacy(path: Path, layers: Mapping[str, list[np.ndarray]]) -> Path:
    """Write weights as Keras 2's `save_weights("x.h5")` did."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in ["input_1", *layers]]
        file.create_group("input_1").attrs["weight_names"] = np.array([], dtype="S1")
        for name, arrays in layers.items():
            group = file.create_group(name)
            names = [f"{name}/weight_{index}:0" for index in range(len(arrays))]
            group.attrs["weight_names"] = [weight.encode() for weight in names]
            for weight, array in zip(names, arrays, strict=True):
                group[weight] = array
    return path


def to_keras(key: str, value: torch.Tensor) -> np.ndarray:
    if value.ndim == 4:
        value = value.permute(2, 3, 0, 1) if "depthwise" in key else value.permute(2, 3, 1, 0)
    return value.T.numpy() if value.ndim == 2 else value.numpy()


@pytest.fixture(scope="module")
def source():
    """A network with random weights, statistics too."""
    torch.manual_seed(0)
    network = timm.create_model("nasnetmobile").eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def layers(source) -> Layers:
    """What Keras would write of `source`."""
    state = source.state_dict()
    return {
        name: [to_keras(key, state[key]) for key in keys]
        for name, keys in keras_layers(with_top=True).items()
    }


@pytest.fixture(scope="module")
def whole_file(layers, tmp_path_factory) -> Path:
    return write_legacy(tmp_path_factory.mktemp("keras") / "NASNet-mobile.h5", layers)


@pytest.fixture(scope="module")
def file_without_top(layers, tmp_path_factory) -> Path:
    rest = {name: arrays for name, arrays in layers.items() if name != "predictions"}
    return write_legacy(tmp_path_factory.mktemp("keras") / "NASNet-mobile-no-top.h5", rest)


def differing(got, want) -> list[str]:
    """Names of the tensors that two networks share but that differ."""
    want = want.state_dict()
    return [
        key
        for key, value in got.state_dict().items()
        if key in want and "num_batches" not in key and not torch.equal(value, want[key])
    ]


# --- against Keras ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "jax"  # its torch backend refuses NASNetMobile
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # compiling takes longest
    keras = pytest.importorskip("keras")
    patch = pytest.MonkeyPatch()
    # all weights are replaced anyway, and JAX compiles a program for each random shape
    patch.setattr(
        keras.initializers.VarianceScaling,
        "__call__",
        lambda self, shape, dtype=None, **_: np.zeros(shape, dtype or "float32"),
    )
    yield keras
    patch.undo()


def randomise(model) -> None:
    """Give every weight a value that matters, statistics of batch normalisation included."""
    rng = np.random.default_rng(0)

    def random(weight) -> np.ndarray:
        shape = weight.shape
        if len(shape) > 1:
            fan_in = np.prod(shape[:2]) if "depthwise" in weight.path else np.prod(shape[:-1])
            return rng.normal(0, (2 / fan_in) ** 0.5, shape)
        if weight.path.endswith(("gamma", "variance")):
            return rng.uniform(0.5, 1.5, shape)
        return rng.normal(0, 0.2, shape)

    model.set_weights([random(weight).astype(np.float32) for weight in model.weights])


def assert_agree(network, model, size: tuple[int, int]) -> None:
    images = np.random.default_rng(1).uniform(-1, 1, (2, *size, 3)).astype(np.float32)
    want = np.asarray(model.predict(images, verbose=0))
    with torch.no_grad():
        got = network.eval()(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    want = want.transpose(0, 3, 1, 2) if want.ndim == 4 else want
    assert got.shape == want.shape
    assert np.abs(got - want).max() < 1e-4 * np.abs(want).max()
    # and relative to what tells two images apart
    assert np.abs(got - want).max() < 1e-4 * np.abs(want[0] - want[1]).max()


def test_logits_agree_with_keras(keras, tmp_path):
    model = keras.applications.NASNetMobile(weights=None, classifier_activation=None)
    randomise(model)
    arrays = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    assert list(arrays) == list(keras_layers(with_top=True))
    network = timm.create_model("nasnetmobile")

    load_keras_weights(network, write_legacy(tmp_path / "weights.h5", arrays))
    assert_agree(network, model, (224, 224))

    model.save(tmp_path / "model.h5")  # a whole model, written by Keras itself
    again = timm.create_model("nasnetmobile")
    load_keras_weights(again, tmp_path / "model.h5")
    assert differing(again, network) == []


def test_feature_maps_agree_with_keras_at_odd_sizes(keras, tmp_path):
    model = keras.applications.NASNetMobile(
        weights=None, include_top=False, input_shape=(195, 98, 3)
    )
    randomise(model)
    arrays = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    network = timm.create_model("nasnetmobile", num_classes=0, global_pool="")
    load_keras_weights(network, write_legacy(tmp_path / "weights.h5", arrays))
    assert_agree(network, model, (195, 98))


# --- files ------------------------------------------------------------------------------------


def test_backbone_takes_files_with_and_without_top(source, whole_file, file_without_top):
    for path in (whole_file, file_without_top):
        backbone = timm.create_model("nasnetmobile", num_classes=0)
        load_keras_weights(backbone, path)
        assert differing(backbone, source) == []


def test_classifier_stays_when_the_file_has_none(source, file_without_top, caplog):
    network = timm.create_model("nasnetmobile")
    load_keras_weights(network, file_without_top)
    assert differing(network, source) == ["classifier.weight", "classifier.bias"]
    assert "no classifier" in caplog.text


def test_layers_of_other_names_are_matched_by_order(source, layers, tmp_path, caplog):
    renamed = {f"{name}_old" if "bn" in name else name: arrays for name, arrays in layers.items()}
    network = timm.create_model("nasnetmobile")
    load_keras_weights(network, write_legacy(tmp_path / "renamed.h5", renamed))
    assert differing(network, source) == []
    assert "by order" in caplog.text


def test_top_of_another_name_is_matched_by_order(source, layers, tmp_path):
    renamed = {"dense_1" if name == "predictions" else name: a for name, a in layers.items()}
    renamed = {"conv_1" if name == "stem_conv1" else name: a for name, a in renamed.items()}
    network = timm.create_model("nasnetmobile")
    load_keras_weights(network, write_legacy(tmp_path / "renamed.h5", renamed))
    assert differing(network, source) == []


def test_known_names_in_another_order_are_not_matched_by_order(layers, tmp_path):
    names = list(layers)
    swapped = {"x" if name == names[0] else name: layers[name] for name in names}
    swapped["stem_bn1"] = swapped.pop("stem_bn1")  # now last
    with pytest.raises(CorrosionError, match="stem_conv1"):
        load_keras_weights(
            timm.create_model("nasnetmobile"), write_legacy(tmp_path / "swapped.h5", swapped)
        )


def test_missing_layers_are_named(layers, tmp_path):
    rest = {name: arrays for name, arrays in layers.items() if name != "normal_bn_1_7"}
    path = write_legacy(tmp_path / "short.h5", rest)
    with pytest.raises(CorrosionError, match=r"short\.h5 lacks 1 of .*normal_bn_1_7"):
        load_keras_weights(timm.create_model("nasnetmobile"), path)


def test_wrong_shapes_are_named(layers, tmp_path):
    wider = layers | {"stem_conv1": [np.zeros((3, 3, 3, 96), np.float32)]}
    path = write_legacy(tmp_path / "large.h5", wider)
    with pytest.raises(CorrosionError, match=r"stem\.0\.conv\.weight has shape \(96, 3, 3, 3\)"):
        load_keras_weights(timm.create_model("nasnetmobile"), path)


def test_layers_of_another_kind_are_named(layers, tmp_path):
    other = layers | {"stem_bn1": layers["stem_bn1"][:2]}
    path = write_legacy(tmp_path / "other.h5", other)
    with pytest.raises(CorrosionError, match="layer stem_bn1"):
        load_keras_weights(timm.create_model("nasnetmobile"), path)


def test_top_of_another_class_count_is_refused(whole_file):
    with pytest.raises(CorrosionError, match=r"1000 classes, the model 5.*reset_classifier"):
        load_keras_weights(timm.create_model("nasnetmobile", num_classes=5), whole_file)


@pytest.mark.parametrize(
    "other",
    [
        lambda: timm.create_model("test_resnet", num_classes=0),
        lambda: NASNet(num_classes=0, num_cells=5),
        lambda: NASNet(num_classes=0, in_chans=1),
    ],
)
def test_other_networks_are_refused(whole_file, other):
    with pytest.raises(CorrosionError, match="doesn't fit"):
        load_keras_weights(other(), whole_file)


def test_failed_load_leaves_the_network_as_it_was(layers, tmp_path):
    network = timm.create_model("nasnetmobile")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    wider = layers | {"predictions": [np.zeros((7, 1000), np.float32), np.zeros(1000, np.float32)]}
    with pytest.raises(CorrosionError):
        load_keras_weights(network, write_legacy(tmp_path / "bad.h5", wider))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_unreadable_files_are_explained(whole_file, tmp_path):
    page = tmp_path / "page.h5"
    page.write_text("<html>404</html>")
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole_file.read_bytes()[:1_000_000])
    keras_3 = tmp_path / "new.weights.h5"
    with h5py.File(keras_3, "w") as file:
        file.create_group("layers")
    for path, reason in (
        (tmp_path / "none.h5", "No Keras weights"),
        (page, "not an HDF5 file"),
        (cut, "damaged"),
        (keras_3, "legacy HDF5 layout"),
    ):
        with pytest.raises(CorrosionError, match=reason) as error:
            load_keras_weights(timm.create_model("nasnetmobile", num_classes=0), path)
        assert str(path) in str(error.value)


# --- pretrained=True --------------------------------------------------------------------------


def offered(path: Path, classes: int) -> KerasFile:
    return KerasFile(path.as_uri(), hashlib.md5(path.read_bytes()).hexdigest(), classes)


@pytest.fixture
def online(cache, whole_file, file_without_top, monkeypatch) -> Path:
    """Keras' files can be downloaded (from a folder)."""
    monkeypatch.setattr(keras_download, "WITH_TOP", offered(whole_file, 1000))
    monkeypatch.setattr(keras_download, "WITHOUT_TOP", offered(file_without_top, 0))
    return cache


@pytest.fixture
def offline(online, tmp_path, monkeypatch) -> Path:
    for name in ("WITH_TOP", "WITHOUT_TOP"):
        file = getattr(keras_download, name)
        gone = (tmp_path / "gone" / file.name).as_uri()
        monkeypatch.setattr(keras_download, name, KerasFile(gone, file.md5, file.classes))
    return online


def test_pretrained_downloads_once_and_caches(source, online, monkeypatch):
    assert differing(timm.create_model("nasnetmobile", pretrained=True), source) == []
    kept = {path.name for path in online.iterdir()}
    assert kept == {"NASNet-mobile.safetensors", "NASNet-mobile.safetensors.sha256"}

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    assert differing(timm.create_model("nasnetmobile", pretrained=True), source) == []
    # the file with top serves a backbone too
    timm.create_model("nasnetmobile", pretrained=True, num_classes=0)


def test_pretrained_backbone_takes_the_file_without_top(source, online):
    backbone = timm.create_model("nasnetmobile", pretrained=True, num_classes=0)
    assert differing(backbone, source) == []
    assert (online / "NASNet-mobile-no-top.safetensors").is_file()


def test_kept_weights_that_were_damaged_are_made_anew(source, online, caplog):
    timm.create_model("nasnetmobile", pretrained=True)
    kept = online / "NASNet-mobile.safetensors"
    content = bytearray(kept.read_bytes())
    content[-5] ^= 64
    kept.write_bytes(content)
    assert differing(timm.create_model("nasnetmobile", pretrained=True), source) == []
    assert "is damaged, or of an earlier version: made anew" in caplog.text


def test_pretrained_fits_other_classes_channels_and_features(source, online):
    two = timm.create_model("nasnetmobile.keras_in1k", pretrained=True, num_classes=2)
    assert two.classifier.weight.shape == (2, 1056)
    grey = timm.create_model("nasnetmobile", pretrained=True, num_classes=0, in_chans=1)
    torch.testing.assert_close(
        grey.stem[0].conv.weight, source.stem[0].conv.weight.sum(1, keepdim=True)
    )
    maps = timm.create_model("nasnetmobile", pretrained=True, features_only=True, out_indices=[4])
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(maps.eval()(images)[0], source.forward_features(images))


def test_wrong_md5_is_an_error_and_caches_nothing(online, whole_file, monkeypatch):
    wrong = KerasFile(whole_file.as_uri(), "0" * 32, 1000)
    monkeypatch.setattr(keras_download, "WITH_TOP", wrong)
    with pytest.raises(CorrosionError, match="md5"):
        timm.create_model("nasnetmobile", pretrained=True)
    assert not online.exists() or not list(online.iterdir())


def test_offline_says_what_to_put_where(offline):
    with pytest.raises(CorrosionError) as error:
        timm.create_model("nasnetmobile", pretrained=True)
    file = keras_download.WITH_TOP
    for needed in (file.url, file.md5, str(offline / "NASNet-mobile.h5")):
        assert needed in str(error.value)


@pytest.mark.parametrize("num_classes", [1000, 0])
def test_file_put_there_by_hand_is_used(source, offline, whole_file, num_classes):
    offline.mkdir()
    (offline / "NASNet-mobile.h5").write_bytes(whole_file.read_bytes())
    network = timm.create_model("nasnetmobile", pretrained=True, num_classes=num_classes)
    assert differing(network, source) == []


def test_altered_file_put_there_by_hand_is_refused(offline):
    offline.mkdir()
    (offline / "NASNet-mobile.h5").write_bytes(b"cut short")
    with pytest.raises(CorrosionError, match=r"cache/NASNet-mobile\.h5 .* md5"):
        timm.create_model("nasnetmobile", pretrained=True)


@pytest.mark.parametrize("suffix", [".h5", ".safetensors", ".pth"])
def test_overlay_takes_a_local_file(source, whole_file, tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    if suffix == ".h5":
        path.write_bytes(whole_file.read_bytes())
    elif suffix == ".pth":
        torch.save(source.state_dict(), path)
    else:
        save_file(source.state_dict(), path)
    network = timm.create_model(
        "nasnetmobile", pretrained=True, pretrained_cfg_overlay={"file": str(path)}
    )
    assert differing(network, source) == []
    assert "state_dict" not in network.pretrained_cfg


def test_overlay_file_without_top_makes_a_backbone(source, file_without_top):
    network = timm.create_model(
        "nasnetmobile", pretrained=True, pretrained_cfg_overlay={"file": str(file_without_top)}
    )
    assert network.num_classes == 0
    assert differing(network, source) == []


def test_official_files_are_kerass():
    assert keras_download.WITH_TOP.md5 == "020fb642bf7360b370c678b08e0adf61"
    assert keras_download.WITHOUT_TOP.md5 == "1ed92395b5b598bdda52abe5c0dbfd63"
