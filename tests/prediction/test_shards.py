"""Shards of a run: each is written once, when it is whole, and read in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrosion.data.photograph_facts import PhotographFacts
from corrosion.errors import CorrosionError
from corrosion.prediction.journal import Row, RustFacts, TileFacts
from corrosion.prediction.row_tables import rows_table
from corrosion.prediction.shards import ATTEMPTS, SHARD, ShardedFolder, ShardWriter, attempted

FILES = [f"photos/{number}.jpg" for number in range(2 * SHARD + 3)]
FULL = Row(
    0, 0, True, "brücke.jpg", 3, 0.1, 0.7, "corrosion detected", 0.5, True, ((1, 2, 3, 4),),
    "overlays/a.jpg", "thumbnails/a.jpg", RustFacts("masks/a.png", 0.25, regions=2),
    "outlines/a.jpg", TileFacts(4, 1, 0.9, "photographs", (0, 0, 8, 8), 0.6), "no map", 8, 9,
    PhotographFacts(latitude=1.5, sha256="ab"), "bridge",
)  # fmt: skip


def begun(path, files):
    folder = ShardedFolder(path)
    assert folder.begin({}, lambda: files, resume=False) is None
    return folder


@pytest.fixture
def folder(tmp_path):
    """A run over 515 files that has begun."""
    return begun(tmp_path / "out", FILES)


def rows_of(shard, frames=1):
    """Rows of a shard whose files have so many frames each."""
    first = shard.number * SHARD
    return [
        Row(item, order, order == frames - 1, FILES[item])
        for item in range(first, first + shard.files)
        for order in range(frames)
    ]


def test_shards_are_the_files_in_order(folder):
    shards = list(folder.shards())
    assert [shard.files for shard in shards] == [SHARD, SHARD, 3]
    items = [item for shard in shards for item in shard.items(folder.listing)]
    assert [item.path for item in items] == FILES == folder.files()
    assert [item.number for item in items] == list(range(len(FILES)))


def test_a_row_is_read_as_it_was_written(tmp_path):
    folder = begun(tmp_path / "out", FILES[:2])
    shard = next(folder.shards())
    folder.write(shard, rows_table([FULL, Row(1, 0, True, "b.jpg")]))
    assert list(folder.rows()) == [FULL, Row(1, 0, True, "b.jpg")]


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(1, 3), st.integers(1, 7))
def test_rows_in_any_order_and_twice_become_whole_shards_once(
    tmp_path_factory, random, frames, parts
):
    folder = begun(tmp_path_factory.mktemp("run") / "out", FILES)
    expected = [row for shard in folder.shards() for row in rows_of(shard, frames)]
    rows = expected + random.sample(expected, 50)
    random.shuffle(rows)
    writer = ShardWriter(folder, folder.unfinished())
    written = sum(writer.add(rows_table(rows[part::parts])) for part in range(parts))
    assert written == len(expected)
    assert list(folder.rows()) == expected
    assert folder.unfinished() == []


def test_a_shard_that_lacks_a_row_is_not_written_and_is_named(folder):
    writer = ShardWriter(folder, folder.unfinished())
    first, second, third = folder.shards()
    assert writer.add(rows_table(rows_of(first)[:-1])) == 0
    assert writer.add(rows_table(rows_of(third))) == 3
    assert folder.unfinished() == [first, second]
    with pytest.raises(CorrosionError, match=r"512 files have no result yet, photos/0.jpg"):
        list(folder.rows())


def test_a_damaged_shard_is_named_with_what_to_do(tmp_path):
    folder = begun(tmp_path / "out", FILES[:1])
    shard = next(folder.shards())
    folder.write(shard, rows_table([FULL]))
    [file] = (folder.progress / "shards").iterdir()
    for content in (b"", b"PAR1 damaged", file.read_bytes()[:-9]):
        file.write_bytes(content)
        with pytest.raises(CorrosionError, match=r"00000000\.parquet can't be read.*Delete it"):
            list(folder.rows())


def test_what_kills_every_process_ends_the_run(tmp_path):
    for _ in range(ATTEMPTS):
        with pytest.raises(KeyboardInterrupt), attempted(tmp_path, "a", "a.jpg"):
            raise KeyboardInterrupt  # as good as killed
    told = pytest.raises(CorrosionError, match=r"a\.jpg: its processes were killed 20 times")
    with told, attempted(tmp_path, "a", "a.jpg"):
        pass
    for _ in range(ATTEMPTS + 1):  # what goes well may be done as often as one likes
        with attempted(tmp_path, "b", "b.jpg"):
            pass
