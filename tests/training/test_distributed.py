import logging
import os
import signal
import time
from functools import partial

import pytest
from commands import PROCESSES

from corrosion.errors import CorrosionError
from corrosion.settings.trainer import TrainerSettings
from corrosion.training import distributed
from corrosion.training.distributed import (
    processes_to_start,
    run_in_processes,
    silence_all_but_first,
)


def trainer(**changes):
    return TrainerSettings(**{"accelerator": "cpu", **changes})


@pytest.mark.parametrize(("devices", "count"), [(1, 1), (3, 3), ((0, 2), 2), ("auto", 1)])
def test_a_training_needs_a_process_for_each_device(devices, count):
    assert processes_to_start(trainer(devices=devices)) == count


def test_processes_that_torchrun_started_start_no_others(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert processes_to_start(trainer(devices=2, num_nodes=2)) == 1


def test_several_machines_need_torchrun_or_srun():
    with pytest.raises(CorrosionError, match=r"docs/machines\.md"):
        processes_to_start(trainer(num_nodes=2))


@pytest.mark.parametrize(
    ("ranks", "silent"),
    [
        ({}, False),
        ({"RANK": "0", "SLURM_PROCID": "3"}, False),
        ({"RANK": "2", "LOCAL_RANK": "0"}, True),
        ({"SLURM_PROCID": "1", "LOCAL_RANK": "0"}, True),
    ],
)
def test_only_the_first_of_all_machines_processes_logs_more_than_errors(monkeypatch, ranks, silent):
    for key in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        monkeypatch.delenv(key, raising=False)
    for key, value in ranks.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(logging.root.manager, "disable", 0)
    silence_all_but_first()
    log = logging.getLogger("corrosion")
    assert log.isEnabledFor(logging.WARNING) != silent
    assert log.isEnabledFor(logging.ERROR)


def _killed_or_waiting():
    if os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)


def test_a_process_that_is_killed_takes_the_others_with_it_and_is_named(monkeypatch):
    copies = partial(distributed.LaunchConfig, start_method=PROCESSES.get_start_method())
    monkeypatch.setattr(distributed, "LaunchConfig", copies)
    with pytest.raises(CorrosionError, match=r"process 1 died \(exit code -9\).*resume=RUN_DIR"):
        run_in_processes(_killed_or_waiting, count=2, logging_config={"version": 1})
