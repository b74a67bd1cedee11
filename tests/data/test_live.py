"""Frames of live sources: the newest wins, and what breaks off is opened again."""

import queue

import cv2
import numpy as np
import pytest

from corrosion.data.images import ImageError
from corrosion.data.live import LiveSource, shown_source
from corrosion.errors import CorrosionError


class Camera:
    """A capture whose frames a test hands out; None breaks it off."""

    def __init__(self):
        self.frames = queue.Queue()
        self.opened = self.released = 0

    def __call__(self):
        self.opened += 1
        return self

    def read(self):
        level = self.frames.get(timeout=60)
        if level is None:
            return False, None
        return True, np.full((4, 6, 3), (level, 0, 0), dtype=np.uint8)  # BGR

    def get(self, _):
        return 0.0

    def release(self):
        self.released += 1


@pytest.fixture
def camera(monkeypatch):
    monkeypatch.setattr("corrosion.data.live._FIRST_PAUSE", 0.01)
    return Camera()


def give(camera, source, *levels):
    """Hand out frames, and wait until the last one is there."""
    count = source._count
    for level in levels:
        camera.frames.put(level)
    found = source.newest(count + len(levels) - 1, 60)
    assert found is not None
    return found


def test_the_newest_frame_wins(camera):
    with LiveSource("0", capture=camera) as source:
        assert source.newest(0, 0.01) is None
        frame = give(camera, source, 10, 20, 30)
        assert frame.number == 3
        assert frame.image[0, 0].tolist() == [0, 0, 30]  # RGB
        assert source.newest(3, 0.01) is None
        assert source.connected
        camera.frames.put(None)
        camera.frames.put(40)
        source._stop.set()
    assert source.ended


def test_what_breaks_off_is_opened_again(camera, caplog):
    with LiveSource("rtsp://user:secret@127.0.0.1/cam", capture=camera) as source:
        give(camera, source, 1)
        camera.frames.put(None)
        assert give(camera, source, 2).number == 2
        assert source.connections == 2
        assert camera.opened == 2
        camera.frames.put(None)
        source._stop.set()
    assert "rtsp://127.0.0.1/cam gives no frame" in caplog.text
    assert "secret" not in caplog.text


def test_a_source_that_cannot_be_opened_is_tried_again(camera):
    attempts = []

    def opened():
        attempts.append(1)
        if len(attempts) < 3:
            raise ImageError("camera 0", "it can't be opened")
        return camera

    with LiveSource("0", capture=opened) as source:
        give(camera, source, 5)
        assert len(attempts) == 3
        camera.frames.put(None)
        source._stop.set()


def video(path, frames=4, rate=200):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, (32, 32))
    for number in range(frames):
        writer.write(np.full((32, 32, 3), 40 * number, dtype=np.uint8))
    writer.release()
    return str(path)


def test_a_video_ends_and_one_that_loops_does_not(tmp_path):
    path = video(tmp_path / "flight.avi")
    with LiveSource(path) as source:
        taken = 0
        while (frame := source.newest(taken, 60)) is not None:
            taken = frame.number
        assert source.ended
        assert taken == 4
    with LiveSource(path, loop=True) as source:
        frame = source.newest(9, 60)
        assert frame is not None
        assert frame.number > 9
        assert source.connections >= 3
        assert not source.ended


@pytest.mark.parametrize("content", [None, b"#EXTM3U\nsecret.avi\n"])
def test_a_file_that_is_no_video_is_told_at_once(tmp_path, content):
    if content is not None:
        (tmp_path / "a.mkv").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.mkv"):
        LiveSource(str(tmp_path / "a.mkv"))


@pytest.mark.parametrize("source", ["http://host/a", "file:///etc/passwd", "concat://a"])
def test_addresses_of_other_kinds_are_refused(source):
    with pytest.raises(CorrosionError, match="give the number of a camera"):
        LiveSource(source)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("2", "camera 2"),
        ("rtsps://a:b@c@host:1/x?token=y", "rtsps://host:1/x"),
        ("rtsp://host/x", "rtsp://host/x"),
        ("photos/a.mp4", "a.mp4"),
    ],
)
def test_sources_are_shown_without_passwords(source, shown):
    assert shown_source(source) == shown
