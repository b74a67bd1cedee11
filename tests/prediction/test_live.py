"""Live frames through a network, and alarms."""

import csv
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from corrosion.data.live import LiveFrame
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.prediction.alarms import Alarms
from corrosion.prediction.live import LiveView, Streak, watch
from corrosion.prediction.marking import Marked
from corrosion.prediction.outputs import Output
from corrosion.settings.live import LiveSettings


class Frames:
    """A source whose frames are all there; brightness is the probability in percent."""

    name = "camera 0"

    def __init__(self, *levels):
        self._levels = list(levels)
        self._number = 0
        self.ended = False

    def newest(self, after, timeout):
        self._number += 1
        if self._number > len(self._levels):
            self.ended = True
            return None
        level = self._levels[self._number - 1]
        if level is None:
            return None
        return LiveFrame(self._number, 0.0, np.full((8, 8, 3), level, dtype=np.uint8))


def look(image):
    return Output(image, probability=float(image.square[4, 4, 0]) / 100)


def views(*levels, frames=3, look=look):
    return list(
        watch(
            Frames(*levels),
            look,
            Rule(0.5, None),
            build_resize(32, "stretch"),
            alarm_frames=frames,
            max_fps=1000,
        )
    )


def test_every_frame_has_its_probability_and_decision():
    first, nothing, second = views(20, None, 90)
    assert nothing is None
    assert first.probability == pytest.approx(0.2)
    assert (first.marked.decision, second.marked.decision) == ("no corrosion", "corrosion detected")
    assert first.preview.shape == (8, 8, 3)


def test_an_alarm_is_raised_once_and_ends_after_as_many_calm_frames():
    seen = views(90, 90, 90, 90, 10, 90, 10, 10, 10, 90, 90, 90)
    assert [one.raised for one in seen] == [n in (2, 11) for n in range(12)]
    assert [one.alarm for one in seen] == [False] * 2 + [True] * 6 + [False] * 3 + [True]


def test_a_frame_that_breaks_the_row_raises_nothing():
    assert not any(one.raised for one in views(90, 90, 10, 90, 90))


def test_a_frame_that_the_network_fails_for_is_passed_over():
    def picky(image):
        failed = image.square[4, 4, 0] == 77
        return Output(image) if failed else look(image)

    assert [one.frame.number for one in views(10, 77, 20, look=picky)] == [1, 3]


def test_one_frame_is_enough_where_that_is_asked_for():
    streak = Streak(1)
    assert [streak.raised(found) for found in (True, True, False, True)] == [
        True, False, False, True,
    ]  # fmt: skip


@pytest.fixture
def view():
    pixels = np.full((6, 8, 3), 90, dtype=np.uint8)
    marked = Marked("corrosion detected", False, overlay=pixels)
    frame = LiveFrame(7, 1_795_000_000.25, pixels)
    return LiveView(frame, pixels, 0.91, marked, 4.0, 5, True, True)


def test_an_alarm_is_a_row_and_two_pictures(tmp_path, view):
    folder = tmp_path / "alarms"
    for _ in range(2):  # a second start adds to the first one's
        with Alarms(folder) as alarms:
            alarms.add("rtsp://host/cam", view)
    with (folder / "alarms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert rows[0]["when"].startswith("2026-11-1")
    assert (rows[0]["probability"], rows[0]["frames"]) == ("0.91", "5")
    for column in ("snapshot", "overlay"):
        assert (folder / rows[0][column]).stat().st_size > 0


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CorrosionError, match="can't be written"):
        Alarms(tmp_path / "file" / "alarms")


@pytest.fixture
def receiver():
    """A server on loopback that remembers what it is sent, and answers as a test says."""
    said = SimpleNamespace(bodies=[], status=200, headers={})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    said.address = f"http://127.0.0.1:{server.server_port}/secret"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_alarm_is_sent_as_json(receiver, view):
    with Alarms(None, receiver.address) as alarms:
        row = alarms.add("camera 0", view)
    assert [json.loads(body) for body in receiver.bodies] == [row]
    assert row["snapshot"] is None


@pytest.mark.parametrize("status", [302, 307, 500])
def test_a_message_that_fails_is_logged_and_goes_nowhere_else(receiver, view, caplog, status):
    receiver.status, receiver.headers = status, {"Location": f"{receiver.address}2"}
    with caplog.at_level(logging.ERROR), Alarms(None, receiver.address) as alarms:
        alarms.add("camera 0", view)
    assert len(receiver.bodies) == 1
    assert "did not reach 127.0.0.1" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"alarm_frames": 3}, "alarm_frames is of what is looked at live: give camera too"),
        ({"camera": "0", "loop": True}, "loop is for the file of a video"),
        ({"camera": "http://a/b"}, "camera takes the number of a camera"),
        ({"camera": "0", "webhook": "file:///etc/passwd"}, "give an address that begins with"),
    ],
)
def test_what_means_nothing_is_refused(values, said):
    with pytest.raises(CorrosionError, match=said):
        LiveSettings(**values)
