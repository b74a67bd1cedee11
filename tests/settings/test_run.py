import pytest

from corrosion.errors import CorrosionError
from corrosion.settings import RunSettings


def test_an_unknown_cost_of_a_sweep_is_refused():
    values = {"sweep": {"name": "tradeoff", "cost": "price"}}
    with pytest.raises(CorrosionError, match=r"^sweep\.cost=price: give parameters, latency or"):
        RunSettings.read(values)
