"""The second head, its fit, and checkpoints with it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import calibration, write_checkpoint

import corrosion
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import describe, store_choices
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.digest import sign
from corrosion.models.kind_fit import fit_kinds
from corrosion.models.kind_head import KindHead

NAMES = ("crevice", "pitting", "uniform")


def head(features=512, seed=0, names=NAMES):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(len(names), features, generator=generator)
    return KindHead(names, weight, torch.randn(len(names), generator=generator))


def network(**options):
    torch.manual_seed(0)
    return CorrosionClassifier(
        "test_resnet.r160_in1k", dense_units=8, image_size=64, **options
    ).eval()


def images(count=3):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=generator)


def clusters(per_kind, *, apart=3.0, kinds=3, seed=0):
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(per_kind)), per_kind)
    noise = random.normal(size=(len(labels), 8))
    return noise + apart * np.eye(len(per_kind), 8)[labels], labels


@torch.no_grad()
def test_kinds_leave_every_answer_about_corrosion_as_it_is():
    net = network(tta="hflip")
    before = net(images()), net.predict_proba(images()), net.state_dict()
    net.kind_head = head(net.backbone.num_features)
    assert torch.equal(net(images()), before[0])
    assert torch.equal(net.predict_proba(images()), before[1])
    assert net.state_dict().keys() == before[2].keys()


@torch.no_grad()
def test_probabilities_of_kinds_are_those_of_their_logits_and_sum_to_one():
    net = network()
    net.kind_head = head(net.backbone.num_features)
    found = net.predict_kinds(images())
    assert found.shape == (3, 3)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))
    logits, distances, kinds = net.answers(images())
    torch.testing.assert_close(kinds.softmax(dim=1), found)
    torch.testing.assert_close(logits, net(images()))
    assert distances is None
    pooled = net.forward_features(images()).mean(dim=(2, 3))
    torch.testing.assert_close(kinds, net.kind_head(pooled))


def test_a_network_that_has_learnt_no_kinds_says_so():
    net = network()
    assert net.kinds == ()
    assert net.answers(images()).kinds is None
    with pytest.raises(CorrosionError, match=r"no kinds.*data\.kinds=subfolders"):
        net.predict_kinds(images())


@pytest.mark.parametrize(
    ("names", "weight", "bias"),
    [
        (("a",), torch.zeros(1, 4), torch.zeros(1)),
        (("a", "a"), torch.zeros(2, 4), torch.zeros(2)),
        (("a", "b"), torch.zeros(3, 4), torch.zeros(2)),
        (("a", "b"), torch.zeros(2, 4), torch.zeros(3)),
        (("a", "b"), torch.full((2, 4), torch.nan), torch.zeros(2)),
    ],
)
def test_weights_that_fit_no_kinds_are_refused(names, weight, bias):
    with pytest.raises(CorrosionError, match=r"kinds"):
        KindHead(names, weight, bias)


@settings(max_examples=10, deadline=None)
@given(count=st.integers(2, 5), seed=st.integers(0, 99))
def test_the_fit_tells_kinds_that_lie_apart(count, seed):
    names = tuple("abcde"[:count])
    features, labels = clusters([20] * count, apart=6, seed=seed)
    validation, of_validation = clusters([8] * count, apart=6, seed=seed + 1)
    fit = fit_kinds(names, features, labels, validation, of_validation)
    assert fit.head.names == names
    chances = fit.head(torch.from_numpy(validation)).softmax(dim=1).numpy()
    assert (chances.argmax(axis=1) == of_validation).mean() > 0.9
    loss = -np.log(chances[np.arange(len(chances)), of_validation]).mean()
    assert loss == pytest.approx(fit.validation_loss, rel=1e-3)


def test_balanced_weights_find_more_of_a_rare_kind():
    train, validation = clusters([200, 12], apart=1.5), clusters([200, 60], apart=1.5, seed=1)
    recall = []
    for balanced in (False, True):
        fit = fit_kinds("ab", *train, *validation, balanced=balanced)
        told = fit.head(torch.from_numpy(validation[0])).argmax(dim=1).numpy()
        recall.append((told[validation[1] == 1] == 1).mean())
    assert recall[1] > recall[0] + 0.1


def test_without_validation_photographs_of_a_kind_the_fit_goes_without_them():
    features, labels = clusters([20, 20])
    fit = fit_kinds("ab", features, labels, features[:0], labels[:0])
    assert np.isnan(fit.validation_loss)
    told = fit.head(torch.from_numpy(features)).argmax(dim=1).numpy()
    assert (told == labels).mean() > 0.9


def test_a_checkpoint_keeps_the_kinds_and_what_was_there_before(tmp_path):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    plain = path.read_bytes()
    store_choices(path, None)
    assert "kinds" not in torch.load(path, weights_only=True)
    assert "kinds" not in describe(path)
    before = corrosion.load_model(path)
    assert before.kinds == ()
    store_choices(path, calibration(), kinds=head(before.backbone.num_features))
    after = corrosion.load_model(path)
    assert after.kinds == NAMES
    assert describe(path)["kinds"] == "crevice, pitting, uniform"
    with torch.no_grad():
        assert torch.equal(after(images()), before(images()))
        expected = head(before.backbone.num_features)(
            after.forward_features(images()).mean(dim=(2, 3))
        ).softmax(dim=1)
        torch.testing.assert_close(after.predict_kinds(images()), expected)
    assert plain != path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["a", "a", "b"]}, "a kind is there twice"),
        ({"names": ["a", "b"]}, "give .2, C. and .2,."),
        ({"names": ["a"]}, "kinds.names"),
        ({"names": ["a", "b", 9 * "long name " * 9]}, "kinds.names"),
        ({"weight": torch.zeros(3, 7)}, "kinds.weight has 7 features for the"),
        ({"weight": torch.full((3, 512), torch.nan)}, "kinds.weight"),
        ({"bias": [0.0, 0.0, 0.0]}, "kinds.bias"),
    ],
)
def test_kinds_of_a_checkpoint_that_fit_nothing_are_refused(tmp_path, changes, message):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    content = torch.load(path, weights_only=True)
    good = head(network().backbone.num_features)
    kinds = {"names": list(NAMES), "weight": good.weight, "bias": good.bias}
    content["kinds"] = kinds | changes
    sign(content)
    torch.save(content, path)
    with pytest.raises(CorrosionError, match=message):
        corrosion.load_model(path)


def test_kinds_that_were_changed_are_told_by_the_digest(tmp_path):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    store_choices(path, None, kinds=head(network().backbone.num_features))
    content = torch.load(path, weights_only=True)
    content["kinds"]["names"][0] = "other"
    torch.save(content, path)
    with pytest.raises(CorrosionError, match="changed or damaged"):
        corrosion.load_model(path)
