import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from corrosion.training.mixing import BatchMixing, smooth_labels

WAYS = [{"mixup": 0.4}, {"cutmix": 1}, {"mixup": 1, "cutmix": 1.0}]


def batch(labels):
    """Images that are white where the label is 1 and black where it is 0."""
    columns = torch.tensor(labels, dtype=torch.float32)
    images = (255 * columns[:, None, None, None]).to(torch.uint8).repeat(1, 3, 16, 16)
    return images, columns


@pytest.mark.parametrize("ways", WAYS)
@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=9), st.integers(0, 2**31))
def test_labels_are_mixed_as_the_images_are(ways, labels, seed):
    torch.manual_seed(seed)
    images, shares = BatchMixing(**ways)(*batch(labels))
    torch.testing.assert_close(images.mean(dim=(1, 2, 3)), shares)
    assert shares.sum().item() == pytest.approx(sum(labels), abs=1e-5)
    assert ((shares >= 0) & (shares <= 1)).all()


def test_mixing_follows_the_seed():
    mixing = BatchMixing(mixup=0.4, cutmix=1.0)
    drawn = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        drawn.append(mixing(*batch([0.0, 1.0, 1.0, 0.0]))[1])
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_without_mixing_batches_stay_as_they_are():
    images, labels = batch([0.0, 1.0])
    same_images, same_labels = BatchMixing()(images, labels)
    assert same_images is images
    assert same_labels is labels


@given(st.floats(0, 0.99))
def test_smoothed_labels_keep_their_middle(amount):
    low, middle, high = smooth_labels(torch.tensor([0.0, 0.5, 1.0]), amount).tolist()
    assert middle == pytest.approx(0.5)
    assert low == pytest.approx(amount / 2, abs=1e-6)
    assert high == pytest.approx(1 - amount / 2, abs=1e-6)
