import io

import numpy as np
import pytest
import torch
from PIL import Image

from corrosion.data.image_reader import ImageReader
from corrosion.data.image_sources import image_items
from corrosion.data.images import ImageError, displayed_size, read_image
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError

ORIENTATION = 0x0112


def noise(height=40, width=60, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def squares(images, **options):
    reader = ImageReader(build_resize(32))
    return [one.square for one in reader.inputs(image_items(images, **options))]


@pytest.fixture
def files(tmp_path):
    """A large JPEG, which is decoded at reduced scale, one that EXIF turns, and a TIFF."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(noise(400, 600)).save(tmp_path / "large.jpg")
    Image.fromarray(noise(seed=1)).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(noise(seed=2)).save(tmp_path / "turned.tif", exif=exif)
    return sorted(tmp_path.iterdir())


def test_files_and_their_bytes_streams_and_pil_images_give_the_same_pixels(files):
    expected = squares(files)
    for kind in (lambda path: path.read_bytes(), lambda path: path.open("rb"), Image.open):
        for found, square in zip(squares([kind(path) for path in files]), expected, strict=True):
            np.testing.assert_array_equal(found, square)


def test_a_pil_image_that_is_decoded_is_turned_and_resized_as_its_file(files):
    for path in files[1:]:
        image = Image.open(path)
        image.load()
        np.testing.assert_array_equal(squares(image)[0], squares(path)[0])


def test_arrays_and_tensors_of_any_size_give_the_pixels_of_their_file(tmp_path):
    pixels = noise()
    Image.fromarray(pixels).save(tmp_path / "a.png")
    [expected] = squares(tmp_path / "a.png")
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    for images in (
        pixels,
        pixels[None],
        [pixels],
        tensor,
        tensor[None],
        pixels / 255,
        tensor.float() / 255,
        pixels.transpose(2, 0, 1),
    ):
        [found] = squares(images)
        np.testing.assert_array_equal(found, expected)


def test_a_mixed_list_keeps_its_order_and_names_what_has_no_file(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(noise()).save(tmp_path / name)
    items = image_items([noise(), tmp_path, np.stack([noise()] * 2), tmp_path / "a.png"])
    names = ["image 0", *(str(tmp_path / name) for name in ("a.png", "b.png"))]
    assert [item.path for item in items] == [*names, "image 3", "image 4", str(tmp_path / "a.png")]
    assert [item.number for item in items] == list(range(6))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (3, "int is no image: give paths"),
        ([[1, 2]], "list is no image"),
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
        (np.zeros((0, 4, 5, 3), np.uint8), r"shape \(0, 4, 5, 3\)"),
        (np.zeros((4, 5, 3), np.int64), "type int64"),
        (np.full((4, 5, 3), 200.0), "divide by 255"),
        (np.full((4, 5, 3), np.nan), "divide by 255"),
        (io.StringIO("text"), "binary mode"),
        ("none.jpg", "There is no none.jpg"),
    ],
)
def test_what_is_no_image_is_an_error_that_says_what_is_taken(images, message):
    with pytest.raises(CorrosionError, match=message):
        image_items(images)


def test_a_damaged_pil_image_is_named():
    image = Image.new("F", (4, 3), 7.5)  # neither 0 to 1 nor integers
    with pytest.raises(ImageError, match="image 1: damaged"):
        image_items([noise(), image])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_displayed_size_is_that_of_the_pixels(kind, turn):
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    stream = io.BytesIO()
    Image.fromarray(noise()).save(stream, kind, exif=exif)
    content = stream.getvalue()
    assert displayed_size("a", content=content) == read_image("a", content=content).shape[:2]
