import subprocess
import sys

import pytest

from corrosion.errors import CorrosionError
from corrosion.system.files import LOCK, is_taken
from corrosion.system.locks import sole_writer

HOLD = """
import sys
from pathlib import Path
from corrosion.system.locks import sole_writer
with sole_writer(Path(sys.argv[1]), name="out"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that writes into a folder."""
    folder = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process, folder
    process.kill()
    process.communicate()


def test_a_second_writer_is_refused_by_name(holder):
    _, folder = holder
    with (
        pytest.raises(CorrosionError, match=r"^out=.*another process is writing there"),
        sole_writer(folder, name="out"),
    ):
        pytest.fail("two write at once")


def test_a_killed_writer_leaves_no_lock(holder):
    process, folder = holder
    process.kill()
    process.wait()
    assert (folder / LOCK).exists()
    assert not is_taken(folder)
    with sole_writer(folder, name="out"):
        (folder / "results").touch()
    assert [path.name for path in folder.iterdir()] == ["results"]


def test_a_folder_is_made_and_what_stayed_empty_goes_again(tmp_path):
    with sole_writer(tmp_path / "new" / "out", name="out"):
        assert (tmp_path / "new" / "out").is_dir()
    assert not (tmp_path / "new" / "out").exists()
    (tmp_path / "mine").mkdir()
    with sole_writer(tmp_path / "mine", name="out"):
        pass
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(CorrosionError, match=r"^out=.*can't be written"),
        sole_writer(tmp_path / "file" / "out", name="out"),
    ):
        pytest.fail("a file is no folder")
