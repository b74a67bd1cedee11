"""How the asset of a photograph is told of its path."""

import re

import pytest

from corrosion.data.asset_names import asset_names
from corrosion.errors import CorrosionError

FILES = ["/t/flights/bridge-7/2025-05-01/a.jpg", "/t/flights/tank/2025-05-02/b.jpg"]


@pytest.mark.parametrize(
    ("given", "assets"),
    [
        ("{asset}/{date}/*", ["bridge-7", "tank"]),
        ("{asset}/*/*.jpg", ["bridge-7", "tank"]),
        ("{asset}-*/*/*", ["bridge", None]),
        ("flights/{asset}/*/?.jpg", ["bridge-7", "tank"]),
        ("{asset}/**", ["flights", "flights"]),  # from the folder that was given
        (r"/(?P<asset>[a-z]+)[^/]*/20", ["bridge", "tank"]),
    ],
)
def test_a_pattern_or_expression_tells_the_asset(given, assets):
    names = asset_names(given, FILES, root="/t")
    assert [names.of(file) for file in FILES] == assets


def test_a_pattern_stays_below_the_paths_that_were_given():
    files = ["/u1/photos/a.jpg", "/u1/photos/bridge/2025/b.jpg"]
    names = asset_names("{asset}/*/*", files, top="/u1")  # photos was given
    assert [names.of(file) for file in files] == [None, "bridge"]
    assert asset_names("/u1/{asset}/*", files, top="/u1").of(files[0]) == "photos"  # whole paths
    with pytest.raises(CorrosionError, match="reaches above the paths that were given"):
        asset_names("{asset}/{date}/*/*/*", files, top="/u1")


def test_a_table_tells_it_by_the_last_parts_of_a_path(tmp_path):
    table = tmp_path / "assets.csv"
    table.write_text("path,asset\na.jpg,Every a\ntank/2025-05-02/b.jpg,Tank 1\nb.jpg,Every b\n")
    names = asset_names(str(table), FILES)
    assert [names.of(file) for file in FILES] == ["Every a", "Tank 1"]
    assert names.of("/elsewhere/b.jpg") == "Every b"
    assert names.of("/elsewhere/c.jpg") is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{aset}/*", "asset={aset}/*: give a pattern"),
        ("{asset}/nothing/*", "tells the asset of no photograph"),
        ("(?P<asset>[", "unterminated character set"),
        ("missing.csv", "missing.csv can't be read"),
    ],
)
def test_what_tells_nothing_is_refused_with_the_way_out(given, said):
    with pytest.raises(CorrosionError, match=re.escape(said)):
        asset_names(given, FILES)


@pytest.mark.parametrize(
    ("content", "said"),
    [("file,asset\na,b\n", "columns path and asset"), ("path,asset\na,b\na,c\n", "of b and of c")],
)
def test_a_table_that_says_nothing_or_two_things_is_refused(tmp_path, content, said):
    table = tmp_path / "assets.csv"
    table.write_text(content)
    with pytest.raises(CorrosionError, match=said):
        asset_names(str(table), FILES)
