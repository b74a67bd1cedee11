import math

import pytest

from corrosion.evaluation.agreement import agreement


@pytest.mark.parametrize(
    ("kappa", "level"),
    [
        (-0.01, "poor"), (0.0, "slight"), (0.20, "slight"), (0.21, "fair"), (0.40, "fair"),
        (0.41, "moderate"), (0.60, "moderate"), (0.61, "strong"), (0.80, "strong"),
        (0.81, "almost perfect"), (1.0, "almost perfect"), (math.nan, "undefined"),
    ],
)  # fmt: skip
def test_agreement_follows_table_7(kappa, level):
    assert agreement(kappa) == level


def test_a_kappa_out_of_range_is_an_error():
    with pytest.raises(ValueError, match=r"1\.2"):
        agreement(1.2)
