import os
import platform
import subprocess
import sys

import pytest

from corrosion.system.processors import share_processors

PROGRAM = """
import resource
from corrosion.system.processors import keep_freed_memory

keep_freed_memory()
bytearray(100 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(100 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they like")
def test_memory_that_was_freed_is_not_fetched_page_by_page_again():
    # on its own: the setting is for the whole process
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 1000  # of 25,600 pages of 4 KiB
