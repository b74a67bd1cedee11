import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from corrosion.errors import CorrosionError
from corrosion.models.head import ClassifierHead
from corrosion.models.logistic_head import fit_logistic, set_logistic


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    labels = np.arange(120) % 2
    features = random.normal(size=(120, 16)).astype(np.float32) * 3 + 1
    features[:, 0] += 4 * labels
    return features, labels


def fitted(data, **options):
    features, labels = data
    return fit_logistic(features[:80], labels[:80], features[80:], labels[80:], **options)


def test_the_fit_is_scikit_learns_on_centred_features_of_one_scale(data):
    features, labels = data
    fit = fitted(data, strengths=[0.1])
    exact = features.astype(np.float64)
    scaled = (exact - exact[:80].mean(axis=0)) / exact[:80].std()
    reference = LogisticRegression(C=0.1, tol=1e-10).fit(scaled[:80], labels[:80])
    np.testing.assert_allclose(fit.logits(features), reference.decision_function(scaled), atol=1e-5)


def test_the_strength_is_the_best_on_validation(data):
    losses = {one: fitted(data, strengths=[one]).validation_loss for one in (1e-4, 1e-2, 1, 100)}
    chosen = fitted(data, strengths=list(losses))
    assert losses[chosen.strength] == min(losses.values()) == chosen.validation_loss


def test_the_published_head_gives_the_logits_of_the_fit(data):
    features, _ = data
    fit = fitted(data)
    head = ClassifierHead(16, dense_units=8, spatial_dropout=0.2, dropout=0.3).eval()
    set_logistic(head, fit)
    maps = torch.from_numpy(features)[:, :, None, None].expand(-1, -1, 3, 3)
    np.testing.assert_allclose(head(maps).detach().numpy(), fit.logits(features), atol=1e-4)


def test_what_can_not_be_fitted_is_told(data):
    features, labels = data
    with pytest.raises(CorrosionError, match="both classes"):
        fit_logistic(features, np.ones_like(labels), features, labels)
    with pytest.raises(CorrosionError, match="not finite"):
        fit_logistic(features * np.nan, labels, features, labels)
    with pytest.raises(CorrosionError, match="same features"):
        fit_logistic(features * 0, labels, features, labels)
    with pytest.raises(CorrosionError, match="dense_units=1"):
        set_logistic(ClassifierHead(16, dense_units=1, spatial_dropout=0, dropout=0), fitted(data))
