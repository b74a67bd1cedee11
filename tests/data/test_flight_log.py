"""Both layouts of DJI's subtitles, and what stands in them that is none."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.data.flight_log import FactsReader, parse_flight_log

NEW = """1
00:00:00,000 --> 00:00:00,500
<font size="28">SrtCnt : 1, DiffTime : 500ms
2025-05-01 10:20:30.123
[iso : 100] [shutter : 1/1000.0] [fnum : 280] [latitude: 47.5001] [longitude: 8.2501]
[rel_alt: 1.300 abs_alt: 432.860] [gb_yaw: -31.6 gb_pitch: -90.0 gb_roll: 0.0] </font>

2
00:00:00,500 --> 00:00:01,000
<font size="28">SrtCnt : 2, DiffTime : 500ms
2025-05-01 10:20:30.623
[latitude : 47.5002] [longtitude : 8.2502] [altitude: 433.0] </font>
"""
OLD = """1
00:00:00,000 --> 00:00:01,000
HOME(149.0251,-20.2532) 2017.08.05 14:11:51
GPS(149.0252,-20.2533,16) BAROMETER:1.9
ISO:100 Shutter:60 EV: Fnum:F2.8

2
00:00:01,000 --> 00:00:02,000
F/2.8, SS 206.14, ISO 150, EV 0, GPS (149.0253, -20.2534, 15), D 224.61m, H 59.70m
"""


def test_newer_drones_name_what_they_know():
    log = parse_flight_log(NEW)
    first, second = log.at(0.0), log.at(0.5)
    assert (first.latitude, first.longitude, first.altitude) == (47.5001, 8.2501, 432.86)
    assert (first.gimbal_yaw, first.gimbal_pitch) == (-31.6, -90)
    assert first.taken_at == "2025-05-01T10:20:30"
    assert (second.latitude, second.longitude, second.altitude) == (47.5002, 8.2502, 433.0)


def test_older_drones_give_longitude_first_and_no_height_above_the_sea():
    log = parse_flight_log(OLD)
    first, second = log.at(0.9), log.at(1.2)
    assert (first.latitude, first.longitude) == (-20.2533, 149.0252)
    assert first.taken_at == "2017-08-05T14:11:51"
    assert (second.latitude, second.longitude, second.altitude) == (-20.2534, 149.0253, None)


@pytest.mark.parametrize("time", [-1.0, 30.0])
def test_nothing_is_known_before_the_first_line_and_long_after_the_last(time):
    assert parse_flight_log(NEW).at(time).latitude is None


def test_a_log_beside_a_video_tells_the_place_of_its_frames(tmp_path):
    video = tmp_path / "DJI_0001.MP4"
    video.write_bytes(b"no video")
    video.with_suffix(".SRT").write_bytes(NEW.encode())
    facts = FactsReader().of_video(video).at(0.6)
    assert (facts.latitude, facts.sha256) == (47.5002, hashlib.sha256(b"no video").hexdigest())
    hidden = FactsReader(location=False).of_video(video).at(0.6)
    assert (hidden.latitude, hidden.longitude, hidden.altitude) == (None, None, None)
    assert hidden.taken_at == "2025-05-01T10:20:30"


def test_a_video_without_a_log_or_without_a_file_has_no_place(tmp_path):
    video = tmp_path / "a.mp4"
    assert FactsReader().of_video(video).at(0.0).sha256 is None
    video.write_bytes(b"x")
    video.with_suffix(".srt").write_bytes(b"\xff\xfe\0 no subtitles")
    assert FactsReader().of_video(video).at(0.0).latitude is None


@given(st.text(max_size=300), st.sampled_from([NEW, OLD]), st.integers(0, 250))
def test_garbage_in_a_log_is_passed_over(garbage, text, place):
    log = parse_flight_log(text[:place] + garbage + text[place:])
    for time in (0.0, 0.7, 1.4):
        latitude = log.at(time).latitude
        assert latitude is None or -90 <= latitude <= 90
