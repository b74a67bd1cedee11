import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.position import Position, photograph_position

latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)


def write(path, gps):
    exif = Image.Exif()
    exif[0x8825] = gps
    Image.new("RGB", (8, 8)).save(path, exif=exif)
    return path


def test_a_position_is_read_with_its_signs(tmp_path):
    gps = {1: "S", 2: (33.0, 51.0, 24.84), 3: "E", 4: (151.0, 12.0, 54.36)}
    found = photograph_position(write(tmp_path / "a.jpg", gps))
    assert found.latitude == pytest.approx(-33.8569, abs=1e-4)
    assert found.longitude == pytest.approx(151.2151, abs=1e-4)


@pytest.mark.parametrize(
    "gps",
    [
        {},
        {1: "N", 2: (53.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (53.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
    ],
)
def test_what_is_no_position_is_none(tmp_path, gps):
    assert photograph_position(write(tmp_path / "a.jpg", gps)) is None


def test_a_file_that_is_no_image_tells_no_position(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    assert photograph_position(tmp_path / "a.jpg") is None
    assert photograph_position(tmp_path / "none.jpg") is None


@given(st.tuples(latitudes, longitudes), st.tuples(latitudes, longitudes))
def test_distances_are_those_of_a_sphere(first, second):
    here, there = Position(*first), Position(*second)
    assert here.distance(there) == pytest.approx(there.distance(here), abs=1e-3)
    assert here.distance(here) == 0
    assert 0 <= here.distance(there) <= 20_015_200


def test_two_cities_are_as_far_apart_as_an_atlas_says():
    london, paris = Position(51.5074, -0.1278), Position(48.8566, 2.3522)
    assert london.distance(paris) == pytest.approx(343_500, rel=0.002)
