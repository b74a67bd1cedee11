import os

import pytest

from corrosion.system.processors import share_processors

NAMES = ("OMP_WAIT_POLICY", "OPENBLAS_NUM_THREADS")


def test_threads_do_not_keep_processors_busy(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    share_processors()
    assert [os.environ[name] for name in NAMES] == ["passive", "1"]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_environment_says_stays(monkeypatch, name):
    for other in NAMES:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "20")
    share_processors()
    assert os.environ[name] == "20"
