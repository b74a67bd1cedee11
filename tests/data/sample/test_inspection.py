"""The made-up inspection has all that a real one has to be careful of."""

import csv

import pytest

from corrosion.cli.main import main
from corrosion.data.flight_log import FactsReader
from corrosion.data.images import ImageError, displayed_size, read_image
from corrosion.data.photograph_facts import photograph_facts
from corrosion.data.video import read_frames


@pytest.fixture(scope="module")
def flight(tmp_path_factory):
    out = tmp_path_factory.mktemp("sample") / "flight"
    assert main(["sample", str(out), "--inspection", "--count=16", "--size=96"]) == 0
    return out


def test_eight_assets_with_photographs_of_which_three_are_broken(flight):
    files = sorted(flight.glob("*/*/*.JPG"))
    assert len(files) == 16
    assert len({path.parts[-3] for path in files}) == 8
    broken = []
    for path in files:
        try:
            read_image(path)
        except ImageError:
            broken.append(path)
            continue
        assert displayed_size(path) == (72, 96)  # whatever EXIF turns
    assert len(broken) == 3
    with (flight / "truth.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert {flight / row["path"] for row in rows} == set(files) - set(broken)
    assert {row["corroded"] for row in rows} == {"0", "1"}


def test_photographs_know_place_time_direction_and_gimbal(flight):
    files = sorted(flight.glob("*/*/*.JPG"))
    facts = [photograph_facts(path.read_bytes()) for path in files]
    known = [one for one in facts if one.latitude is not None]
    assert len(known) >= 13
    for one in known:
        assert one.latitude == pytest.approx(47.37, abs=0.01)
        assert one.taken_at.endswith("+02:00")
        assert one.direction == one.gimbal_yaw
        assert one.gimbal_pitch < 0
        assert one.camera == "DJI FC6310"
    assert len({one.taken_at for one in known}) == len(known)


def test_the_video_has_a_log_that_tells_the_place_of_each_frame(flight):
    [video] = flight.glob("*/*/*.MP4")
    facts = FactsReader().of_video(video)
    frames = list(read_frames(video, every=1.0))
    assert len(frames) == 6
    places = [facts.at(frame.time) for frame in frames]
    assert len({one.longitude for one in places}) == 6
    assert places[0].taken_at == "2025-05-12T09:30:00"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--inspection", "--count=4"], "at least 8 photographs"),
        (["--size=4000"], "--size=4000: give a whole number from 32 to 2048"),
        (["--inspection", "--shortcut=0.5"], "--shortcut is of the other sample"),
    ],
)
def test_values_of_the_other_kind_of_sample_are_refused(tmp_path, capsys, arguments, said):
    assert main(["sample", str(tmp_path / "out"), *arguments]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_there_already_is_left_alone(flight, capsys):
    assert main(["sample", str(flight), "--inspection"]) == 1
    assert "holds something already" in capsys.readouterr().err
