import pytest
import torch

from corrosion.models.pooling import mean_slope, pool


def maps(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(2, 5, 3, 4, generator=generator).sub(0.3).relu()
    features[0, 1] = 0  # as a channel that finds nothing
    return features.to(dtype)


def test_rms_is_the_square_root_of_the_root_mean_square():
    features = maps().double()
    expected = features.flatten(2).norm(dim=2).div(12**0.5).sqrt()
    expected[0, 1] = 0.01
    torch.testing.assert_close(pool(maps(), "rms").double(), expected, atol=1e-6, rtol=1e-5)


def test_squares_of_half_precision_do_not_overflow():
    features = 1000 * maps(torch.float16)
    pooled = pool(features, "rms")
    assert pooled.dtype == torch.float16
    torch.testing.assert_close(pooled.float(), pool(features.float(), "rms"), atol=0.02, rtol=1e-3)


@pytest.mark.parametrize("pooling", ["mean", "rms"])
def test_the_slope_is_that_of_autograd_also_of_an_empty_channel(pooling):
    features = maps().requires_grad_()
    pool(features, pooling).sum().backward()
    slope = mean_slope(features.detach(), pooling).expand(2, 5)
    torch.testing.assert_close(slope, features.grad.mean(dim=(2, 3)))
