import pytest

from corrosion.distributed import processes_to_start
from corrosion.errors import CorrosionError


def trainer(**changes):
    return {"accelerator": "cpu", "devices": 1, "num_nodes": 1} | changes


@pytest.mark.parametrize(("devices", "count"), [(1, 1), (3, 3), ([0, 2], 2), ("auto", 1)])
def test_a_training_needs_a_process_for_each_device(devices, count):
    assert processes_to_start(trainer(devices=devices)) == count


def test_processes_that_torchrun_started_start_no_others(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert processes_to_start(trainer(devices=2, num_nodes=2)) == 1


def test_several_machines_need_torchrun_or_srun():
    with pytest.raises(CorrosionError, match=r"docs/machines\.md"):
        processes_to_start(trainer(num_nodes=2))
