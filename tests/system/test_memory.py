import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from corrosion.system.memory import keep_freed_memory

keep_freed_memory()
bytearray(100 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(100 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries do as they like")
def test_memory_that_was_freed_is_not_fetched_page_by_page_again():
    # on its own: the setting is for the whole process
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 1000  # of 25,600 pages of 4 KiB
