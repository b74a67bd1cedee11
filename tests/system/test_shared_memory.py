"""Loader processes are as many as the shared memory has room for."""

import logging
import shutil

import pytest

from corrosion.system.shared_memory import workers_with_room


@pytest.mark.parametrize(
    ("free", "workers"), [(10**9, 4), (4 * 3 * 10**6, 4), (7 * 10**6, 2), (10**6, 0), (0, 0)]
)
def test_processes_are_as_many_as_there_is_room_for(tmp_path, monkeypatch, caplog, free, workers):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    folder = tmp_path / str(free)
    with caplog.at_level(logging.WARNING):
        for _ in ("train", "val"):
            assert workers_with_room(4, batch_bytes=10**6, folder=folder) == workers
    told = [record.message for record in caplog.records]
    assert len(told) == (workers < 4)
    assert all(f"{folder} has room" in one and "--shm-size" in one for one in told)


def test_where_there_is_no_such_folder_all_processes_start(tmp_path):
    assert workers_with_room(3, batch_bytes=10**15, folder=tmp_path / "none") == 3
