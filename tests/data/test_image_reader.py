"""How far an image reader reads ahead, and how much of a frame it keeps."""

import cv2
import numpy as np
import pytest

from corrosion.data import image_reader
from corrosion.data.image_reader import ImageReader, Item
from corrosion.data.resizing import build_resize

AHEAD, TAKEN = 40, 10


@pytest.mark.parametrize(("room", "fewest", "most"), [(3, 0, TAKEN + 4), (1000, AHEAD, 50)])
def test_inputs_are_read_ahead_by_number_and_large_ones_by_their_bytes(
    monkeypatch, room, fewest, most
):
    reader = ImageReader(build_resize(32), ahead=AHEAD, previews=True)
    pixels = np.zeros((60, 80, 3), np.uint8)
    [one] = reader.inputs([Item(0, "a", content=pixels)])
    assert one.nbytes == one.square.nbytes + one.preview.nbytes
    monkeypatch.setattr(image_reader, "IN_FLIGHT", room * one.nbytes)
    asked = []

    def items():
        for number in range(50):
            asked.append(number)
            yield Item(number, "a", content=pixels)

    inputs = reader.inputs(items())
    found = [next(inputs).item for _ in range(TAKEN)]
    assert found == list(range(TAKEN))
    assert fewest <= len(asked) <= most
    assert [one.item for one in inputs] == list(range(TAKEN, 50))


def test_frames_are_kept_at_the_size_that_is_drawn(tmp_path):
    film = tmp_path / "a.avi"
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 5, (160, 120))
    generator = np.random.default_rng(0)
    for _ in range(3):
        writer.write(generator.integers(0, 256, (120, 160, 3), dtype=np.uint8))
    writer.release()
    resize = build_resize(32)
    kept = {
        side: list(
            ImageReader(resize, every=0, keep_frames=True, frame_side=side).inputs(
                [Item(0, str(film))]
            )
        )
        for side in (None, 80, 1000)
    }
    assert [one.photograph.shape for one in kept[80]] == 3 * [(60, 80, 3)]
    for whole, small, other in zip(*kept.values(), strict=True):
        assert whole.photograph.shape == other.photograph.shape == (120, 160, 3)
        assert small.shape == (120, 160)  # of the frame itself
        assert np.array_equal(small.square, whole.square)
        expected = cv2.resize(whole.photograph, (80, 60), interpolation=cv2.INTER_AREA)
        assert np.array_equal(small.photograph, expected)
