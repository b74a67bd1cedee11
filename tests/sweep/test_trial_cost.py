"""What a network costs, as a sweep's objective."""

import pytest

from corrosion.errors import CorrosionError
from corrosion.sweep.trial_cost import check_cost


def test_an_unknown_cost_is_refused():
    with pytest.raises(CorrosionError, match=r"sweep\.cost=price: choose parameters, latency"):
        check_cost("price")
