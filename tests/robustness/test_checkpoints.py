"""Damaged, changed and hostile checkpoints: refused in one line that names the file, or as before.

None is stored: each is made of the checkpoint of a tiny network.
"""

import copy
import logging
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from samples import calibration, write_checkpoint

import corrosion
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import describe, store_choices, store_mask_network
from corrosion.models.checkpoint_schema import TrainingState
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.digest import digest, sign
from corrosion.models.mask_network import MaskNetwork
from corrosion.models.training_distance import TrainingDistance

IMAGE = torch.linspace(0, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
COMPETENCE = {
    "auroc": 0.9, "low": 0.8, "high": 0.95, "level": 0.95, "images": 80, "subset": "test",
    "generated": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkpoint with everything that one may hold."""
    path = tmp_path_factory.mktemp("whole") / "best.ckpt"
    network = write_checkpoint(path).network
    distance = TrainingDistance(torch.rand(5, 96), 0.5)
    store_choices(path, calibration(thresholds={"best F1": 0.4}), distance, COMPETENCE)
    masks = MaskNetwork(network.backbone, network.mean, network.std)
    masks.share_scale, masks.validated = 0.4, 12
    store_mask_network(path, masks, path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A small checkpoint: without masks."""
    path = tmp_path_factory.mktemp("plain") / "best.ckpt"
    write_checkpoint(path)
    store_choices(path, calibration(2.0), TrainingDistance(torch.rand(5, 96), 0.5), COMPETENCE)
    return path


@pytest.fixture(scope="module")
def content(whole):
    return torch.load(whole, weights_only=True)


def answers(path):
    """What a checkpoint says of a picture, and what decides with it."""
    network = corrosion.load_model(path)
    with torch.no_grad():
        known = network.training_distance is not None
        said = network.predict_proba(IMAGE).item(), known and network.unlike_training(IMAGE).item()
    return *said, network.threshold, network.thresholds, network.band, network.competence


def attempt(path):
    """The answers of a checkpoint, or the message that refuses it."""
    try:
        return answers(path), None
    except CorrosionError as error:
        return None, str(error)


def refused(path, call=corrosion.load_model):
    """The message of the error, which is one line that names the file."""
    with pytest.raises(CorrosionError) as caught:
        call(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 700
    assert str(path) in message
    return message


def changed(content, key, value):
    """A copy with another value at a dotted key, signed as whoever changes it may do."""
    made = {**content}
    *groups, last = key.split("/")
    inner = made
    for name in groups:
        inner[name] = copy.copy(inner[name])
        inner = inner[name]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    try:
        sign(made)
    except (ValueError, AttributeError):
        made["sha256"] = "0"
    return made


NAN, MISSING = float("nan"), object()
DEEP = [[]]
for _ in range(50):
    DEEP = [DEEP, DEEP]

WRONG = [
    ("calibration/temperature", (NAN, -1.0, 0.0, float("inf"), "1", None, True, 1e9)),
    ("calibration/band", ((0.8, 0.2), (-0.1, 0.5), (0.1, 1.5), (0.5,), "ab", None, 0.5)),
    ("calibration/band", ((NAN, 0.5), (0.1, 0.2, 0.3), MISSING)),
    ("calibration/thresholds", ({"a": -1.0}, {"a": NAN}, {"a": 2.0}, [0.5], {"a": "b"})),
    ("calibration/images", (0, -5, 1.5, "80", MISSING)),
    ("calibration", ([], "x", 5, {}, torch.zeros(1), DEEP)),
    ("training_distance/limit", (NAN, 0.0, -1.0, 1e9, "1", MISSING)),
    ("training_distance/reference", (torch.zeros(0, 96), torch.zeros(5), torch.ones(2, 96) * NAN)),
    ("training_distance/reference", (torch.zeros(5, 95), torch.zeros(5, 96).long(), "x", None)),
    ("training_distance/reference", (torch.zeros(1, 1).expand(10**5, 96), torch.zeros(2001, 96))),
    ("training_distance", ([], 5, {})),
    ("competence/auroc", (-0.1, 1.5, "x", None, MISSING)),
    ("competence/level", (0.0, 1.0, NAN)),
    ("competence/subset", ("training", 5)),
    ("competence", ([], 5, {})),
    ("mask_network/share_scale", (NAN, -1.0, "x", MISSING)),
    ("mask_network/validated", (-1, 0.5, "x")),
    ("mask_network/alone", ("x", 1, None)),
    ("mask_network/taught_by", ("x", 5, None)),
    ("mask_network/state_dict", ({}, [], 5, {"x": torch.zeros(1)})),
    ("mask_network", ([], "x", {})),
    ("hyper_parameters/backbone", ("no-such-network", "", 5, None, MISSING, "a\nb", "hf-hub:x/y")),
    ("hyper_parameters/backbone", ("x" * 10**5,)),
    ("hyper_parameters/backbone", ("vit_giant_patch14_dinov2", "resnet50", "test_vit.r160_in1k")),
    ("hyper_parameters/dense_units", (0, -8, 10**9, 10**5000, 8.5, "8", None, MISSING)),
    ("hyper_parameters/image_size", (0, -64, 20_000, 10**12, 64.5, "64", None, MISSING)),
    ("hyper_parameters/resize", ("zoom", 5, None, MISSING)),
    ("hyper_parameters/threshold", (NAN, -0.5, 1.5, 0.0, 1.0, "x", None, MISSING)),
    ("hyper_parameters/tta", ("spin", 5, None)),
    ("hyper_parameters/dropout", (1.0, -0.1, "x", NAN)),
    ("hyper_parameters/lr", (-1.0, "x", NAN)),
    ("hyper_parameters/weights", ("imagenet", {"used": "magic"}, 5)),
    ("hyper_parameters/shortcut", (2.0, "x")),
    ("hyper_parameters", ({}, [], "x", None, 5, DEEP, MISSING)),
    ("state_dict/network.head.logit.bias", (torch.tensor([NAN]), torch.zeros(2), torch.zeros(()))),
    ("state_dict/network.head.logit.bias", (MISSING, 0.5, None, "x", [0.0], torch.zeros(1).int())),
    ("state_dict/network.head.logit.bias", (torch.zeros(1) * 1j, torch.ones(1) / 0)),
    ("state_dict/network.head.dense.weight", (torch.zeros(1, 1).expand(8, 96), torch.zeros(96, 8))),
    ("state_dict/network.std", (torch.zeros(1, 3, 1, 1), -torch.ones(1, 3, 1, 1))),
    ("state_dict/network.more", (torch.zeros(1),)),
    ("state_dict", ({}, [], "x", None, 5, {"a": {}}, {5: torch.zeros(1)}, MISSING)),
    ("epoch", (-1, 1.5, "x", None, MISSING, 10**5000 * -1)),
    ("sha256", ("0" * 64, 5, "", [], {"a": 1})),
]  # fmt: skip


WAYS_OUT = ("again", "weights=", "lower lr", "another checkpoint", "Choose")


@pytest.mark.parametrize(
    ("key", "values"), WRONG, ids=[f"{key}-{number}" for number, (key, _) in enumerate(WRONG)]
)
def test_a_wrong_value_at_any_key_is_one_line_that_names_the_file(tmp_path, content, key, values):
    path = tmp_path / "best.ckpt"
    for value in values:
        made = changed(content, key, value)
        if key == "sha256":
            made["sha256"] = value
        torch.save(made, path)
        message = refused(path)
        assert any(one in message for one in WAYS_OUT), message


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=5),
    st.lists(st.floats(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=3),
    st.builds(torch.zeros, st.lists(st.integers(0, 3), max_size=3).map(tuple)),
)


@settings(max_examples=30, derandomize=True, suppress_health_check=list(HealthCheck))
@given(key=st.sampled_from(sorted({key for key, _ in WRONG} - {"sha256"})), value=ANYTHING)
def test_any_value_is_used_within_its_range_or_refused(tmp_path, content, key, value):
    path = tmp_path / "best.ckpt"
    torch.save(changed(content, key, value), path)
    said, message = attempt(path)
    assert said is None or 0 <= said[0] <= 1
    assert message is None or (str(path) in message and len(message.splitlines()) == 1)


def rewritten(source, target, change):
    """A copy of a checkpoint's archive, with other bytes in its members and right sums."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))


@settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_flipped_bit_is_refused_or_changes_nothing(tmp_path, plain, data):
    whole, path = bytearray(plain.read_bytes()), tmp_path / "flipped.ckpt"
    # half of the places among the names and sums at the archive's end, and the pickle at its start
    ends = st.integers(0, 30_000) | st.integers(len(whole) - 30_000, len(whole) - 1)
    place = data.draw(ends | st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    _same_or_refused(path, plain)


@settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_flipped_bit_that_no_sum_of_the_archive_tells_is_refused(tmp_path, plain, data):
    path = tmp_path / "flipped.ckpt"
    with zipfile.ZipFile(plain) as archive:
        members = [one for one in archive.infolist() if one.file_size]
    pickled = [one for one in members if one.filename.endswith("data.pkl")]
    member = data.draw(st.sampled_from(members) | st.sampled_from(pickled))
    place = data.draw(st.integers(0, member.file_size - 1))
    bit = 1 << data.draw(st.integers(0, 7))

    def flip(name, content):
        if name != member.filename:
            return content
        return content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :]

    rewritten(plain, path, flip)
    _same_or_refused(path, plain)


def _same_or_refused(path, plain):
    said, message = attempt(path)
    assert said is None or said == answers(plain)
    assert message is None or (str(path) in message and len(message.splitlines()) == 1)


def test_a_changed_weight_is_told_by_the_digest(tmp_path, content):
    made = copy.deepcopy(dict(content))
    made["state_dict"]["network.head.logit.bias"] += 1
    torch.save(made, tmp_path / "best.ckpt")
    assert "was changed or damaged since it was written" in refused(tmp_path / "best.ckpt")
    assert "was changed" in refused(tmp_path / "best.ckpt", describe)
    assert "was changed" in refused(tmp_path / "best.ckpt", lambda path: store_choices(path, None))


def test_a_checkpoint_without_a_digest_loads_with_one_warning(tmp_path, content, whole, caplog):
    path = tmp_path / "best.ckpt"
    torch.save({key: value for key, value in content.items() if key != "sha256"}, path)
    with caplog.at_level(logging.WARNING):
        assert answers(path) == answers(path) == answers(whole)
    assert [one.getMessage() for one in caplog.records if "sha256" in one.getMessage()] == [
        f"{path} has no sha256, as checkpoints of earlier versions have none: nothing tells "
        f"whether it was changed since it was written"
    ]
    store_choices(path, None)  # signs what it writes
    caplog.clear()
    assert answers(path) == answers(whole)
    assert not caplog.records


def test_what_a_copy_leaves_out_for_its_size_is_not_missed(tmp_path, content, whole):
    path = tmp_path / "best.ckpt"
    torch.save({**content, "optimizer_states": [], "note": "for a colleague"}, path)
    assert answers(path) == answers(whole)


class Code:
    def __reduce__(self):
        return Path.touch, (Path("ran"),)


class Filled:
    """A few bytes that ask for a gigabyte."""

    def __reduce__(self):
        return bytearray, (2**30,)


def _zip(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


FILES = {
    "empty": lambda path, whole: path.write_bytes(b""),
    "text": lambda path, whole: path.write_text("not a checkpoint\n"),
    "binary": lambda path, whole: path.write_bytes(bytes(range(256)) * 20),
    "cut short": lambda path, whole: path.write_bytes(whole.read_bytes()[:50_000]),
    "another zip": lambda path, whole: _zip(path, readme="hello"),
    "an empty zip": lambda path, whole: _zip(path),
    "a zip with a pickle of nothing": lambda path, whole: _zip(path, **{"a/data.pkl": b"N."}),
    "a zip with no pickle": lambda path, whole: _zip(path, **{"a/data.pkl": b"hello"}),
    "a bare pickle": lambda path, whole: path.write_bytes(pickle.dumps({"a": 1})),
    "pickled code": lambda path, whole: torch.save({"state_dict": Code()}, path),
    "pickled module": lambda path, whole: torch.save(torch.nn.Linear(1, 1), path),
    "memory from nothing": lambda path, whole: torch.save({"state_dict": Filled()}, path),
    "a tensor": lambda path, whole: torch.save(torch.zeros(3), path),
    "a list": lambda path, whole: torch.save([1, 2], path),
    "an empty mapping": lambda path, whole: torch.save({}, path),
    "an old torch file": lambda path, whole: torch.save(
        {"state_dict": {}, "hyper_parameters": {}}, path, _use_new_zipfile_serialization=False
    ),
    "a sparse tensor": lambda path, whole: torch.save(
        {"state_dict": {"a": torch.zeros(3).to_sparse()}, "hyper_parameters": {}}, path
    ),
    "a directory": lambda path, whole: path.mkdir(),
}


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_checkpoint_is_one_line_that_names_the_file(tmp_path, whole, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "best.ckpt"
    FILES[kind](path, whole)
    refused(path)
    assert not Path("ran").exists()


def test_what_unpacks_to_more_than_the_file_is_refused_before_it_is_unpacked(tmp_path, plain):
    path = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("best/data/bomb", bytes(30 * 2**20))
    assert "unpacks to more than its own size" in refused(path)


def test_a_network_of_gigabytes_is_refused_before_it_gets_memory(tmp_path, content, monkeypatch):
    made = changed(content, "hyper_parameters/backbone", "vit_giant_patch14_dinov2")
    torch.save(changed(made, "hyper_parameters/image_size", 70), tmp_path / "best.ckpt")
    devices = []

    def build(**arguments):
        devices.append(torch.empty(0).device.type)
        return CorrosionClassifier(**arguments)

    monkeypatch.setattr("corrosion.models.checkpoint.CorrosionClassifier", build)
    assert "doesn't fit the network it describes" in refused(tmp_path / "best.ckpt")
    assert devices == ["meta"]


@pytest.mark.parametrize("key", ["loops", "optimizer_states", "callbacks", "global_step"])
def test_no_training_goes_on_from_what_only_predicts(plain, key):
    state = {
        "global_step": 5, "loops": {}, "callbacks": {}, "optimizer_states": [], "lr_schedulers": [],
    }  # fmt: skip
    TrainingState.check(state, plain)
    for wrong in ({**state, key: "x"}, {name: state[name] for name in state if name != key}):
        with pytest.raises(CorrosionError, match=rf"best\.ckpt: {key}.*resume from another"):
            TrainingState.check(wrong, plain)


@settings(max_examples=100, derandomize=True)
@example(10.0**-5)
@given(st.floats())
def test_numbers_are_told_apart_by_the_digest_to_the_last_bit(number):
    near = torch.nextafter(torch.tensor(number, dtype=torch.float64), torch.tensor(0.0).double())
    if near.item() != number and number == number:
        assert digest({"epoch": number}) != digest({"epoch": near.item()})
    assert digest({"epoch": number}) == digest({"epoch": number})
