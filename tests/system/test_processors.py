import gc
import os
import platform
import subprocess
import sys

import pytest

from corrosion.system.processors import importing_for_good, share_processors

PROGRAM = """
import resource
import threading
from corrosion.system.processors import keep_freed_memory

def work(size):
    held = bytearray(size)
    bytearray(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(size)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

keep_freed_memory(one_heap=True)
work(100 << 20)
# a heap of a thread holds 64 MiB at the most
thread = threading.Thread(target=work, args=(40 << 20,))
thread.start()
thread.join()
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
    in_main, in_a_thread = map(int, ran.stdout.split())
    assert in_main < 1000  # of 25,600 pages of 4 KiB
    assert in_a_thread < 1000  # of 10,240


def test_what_was_imported_for_good_is_not_searched_for_garbage_again():
    gc.unfreeze()
    try:
        with importing_for_good():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        with importing_for_good():  # the second trial of a sweep, which leaves garbage behind
            assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_a_failed_import_leaves_the_collector_as_it_was():
    gc.unfreeze()
    with pytest.raises(ImportError), importing_for_good():
        raise ImportError
    gc.unfreeze()
    assert gc.isenabled()


def test_nothing_is_frozen_when_the_process_ends():
    """Else bindings of libraries print what they take for leaks."""
    program = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count()))\n"
        "from corrosion.system.processors import importing_for_good\n"
        "with importing_for_good():\n"
        "    import csv\n"
        "print(gc.get_freeze_count() > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "0"]
