import numpy as np
import pytest
import torch
from samples import write_checkpoint
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

import corrosion
from corrosion.errors import CorrosionError
from corrosion.models.checkpoint import describe, store_choices
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.pooling import pool
from corrosion.models.training_distance import TrainingDistance, as_column


def network(**settings):
    torch.manual_seed(0)
    return CorrosionClassifier(
        "test_resnet.r160_in1k", dense_units=8, image_size=64, **settings
    ).eval()


def images(count=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 64, 64), dtype=torch.uint8, generator=generator)


@torch.no_grad()
def with_distance(net, known, pooling="mean"):
    pooled = pool(net.forward_features(known), pooling)
    net.training_distance = TrainingDistance(pooled, 0.5, pooling=pooling)
    return net


def test_distances_are_those_of_scikit_learn_to_the_nearest_of_normalised_features():
    random = np.random.default_rng(0)
    known, new = random.random((50, 32), np.float32), random.random((20, 32), np.float32)
    found = TrainingDistance(torch.from_numpy(known), limit=0.25)(torch.from_numpy(new))
    nearest, _ = NearestNeighbors(n_neighbors=1).fit(normalize(known)).kneighbors(normalize(new))
    np.testing.assert_allclose(found, nearest[:, 0] / 0.25, atol=2e-3)  # of half precision


def test_the_limit_lets_at_least_95_percent_of_validation_pass():
    distances = torch.rand(37, generator=torch.Generator().manual_seed(0))
    limited = TrainingDistance(torch.eye(2), limit=3.0, pooling="rms").with_limit(distances)
    assert limited.pooling == "rms"
    within = (distances * 3.0 <= limited.limit).double().mean()
    assert 0.95 <= within < 0.95 + 1 / 37


def test_photographs_that_are_all_the_same_get_a_limit_above_0():
    same = TrainingDistance(torch.ones(3, 4))
    limited = same.with_limit(same(torch.ones(5, 4)))
    assert as_column(limited(torch.ones(1, 4))).item() <= 1
    assert as_column(limited(torch.tensor([[1.0, 0, 0, 0]]))).item() > 100


@pytest.mark.parametrize(
    ("reference", "limit", "message"),
    [
        (torch.zeros(0, 4), 1.0, r"reference of shape \(0, 4\)"),
        (torch.zeros(4), 1.0, r"reference of shape \(4,\)"),
        (torch.full((1, 4), torch.nan), 1.0, "finite features"),
        (torch.ones(1, 4), 0.0, "limit=0.0: give a distance above 0"),
    ],
)
def test_what_gives_no_distance_is_refused(reference, limit, message):
    with pytest.raises(CorrosionError, match=message):
        TrainingDistance(reference, limit)


@pytest.mark.parametrize("tta", ["none", "flips"])
@torch.no_grad()
def test_one_pass_gives_the_logits_and_the_distances_of_the_images_as_they_are(tta):
    net = with_distance(network(tta=tta), images(seed=1))
    calls = []
    net.backbone.register_forward_hook(lambda *_: calls.append(1))
    logits, distances, _ = net.answers(images())
    torch.testing.assert_close(logits, net.predict_logits(images()))
    plain = with_distance(network(), images(seed=1))
    torch.testing.assert_close(distances, plain.unlike_training(images()))
    known = plain.unlike_training(images(seed=1))
    assert known.max() < 0.02 < distances.min()


@torch.no_grad()
def test_a_network_without_training_photographs_says_so():
    assert network().answers(images())[1] is None
    with pytest.raises(CorrosionError, match=r"no training_distance.*Train it again"):
        network().unlike_training(images())


def test_the_reference_is_no_weight():
    net = with_distance(network(), images())
    assert net.state_dict().keys() == network().state_dict().keys()
    assert sum(one.numel() for one in net.parameters()) == sum(
        one.numel() for one in network().parameters()
    )


@pytest.mark.parametrize("pooling", ["mean", "rms"])
@torch.no_grad()
def test_a_checkpoint_keeps_it_in_half_precision_and_old_ones_have_none(tmp_path, pooling):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    assert corrosion.load_model(path).training_distance is None
    assert describe(path)["training_distance"] is None
    trained = with_distance(corrosion.load_model(path), images(seed=1), pooling)
    store_choices(path, None, trained.training_distance)
    loaded = corrosion.load_model(path)
    assert loaded.training_distance.reference.dtype == torch.float16
    torch.testing.assert_close(
        loaded.unlike_training(images()), trained.unlike_training(images()), atol=1e-3, rtol=0
    )
    assert describe(path)["training_distance"] == "limit 0.5000, 6 training photographs"
    assert (loaded.band, loaded.thresholds) == (None, {})  # nothing else was stored
