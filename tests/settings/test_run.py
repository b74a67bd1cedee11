import pytest

from corrosion.errors import CorrosionError
from corrosion.settings.run import RunSettings


def test_an_unknown_cost_of_a_sweep_is_refused():
    with pytest.raises(CorrosionError, match=r"sweep\.cost=price: give parameters, latency or null"):
        RunSettings.read({"sweep": {"name": "tradeoff", "cost": "price"}})
