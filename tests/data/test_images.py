import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.images import ImageError, check_image, read_image


def picture(width=64, height=48):
    """Smooth, not symmetric: every flip, turn or swap of channels shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    channels = np.stack([x, y, 0.5 * (1 - x) * (1 - y)], axis=-1)
    return (channels * 255).astype(np.uint8)


def difference(pixels, expected):
    assert pixels.shape == expected.shape
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert pixels.flags.writeable
    return np.abs(pixels.astype(int) - expected.astype(int)).mean()


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("a.jpg", {"quality": 95}, 3), ("a.jpg", {"quality": 95, "progressive": True}, 3),
        ("a.png", {}, 0), ("a.bmp", {}, 0), ("a.tif", {}, 0),
        ("a.tif", {"compression": "tiff_lzw"}, 0), ("a.webp", {"lossless": True}, 0),
        ("a.avif", {"quality": 95}, 4), ("rüst 锈.jpg", {"quality": 95}, 3),
    ],
)  # fmt: skip
def test_every_format_gives_rgb(tmp_path, name, options, tolerance):
    Image.fromarray(picture()).save(tmp_path / name, **options)
    assert difference(read_image(tmp_path / name), picture()) <= tolerance


def test_content_counts_not_the_name(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.jpg", format="PNG")
    assert difference(read_image(tmp_path / "a.jpg"), picture()) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_exif_orientation_is_applied(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {
        1: picture(), 2: picture()[:, ::-1], 3: picture()[::-1, ::-1], 4: picture()[::-1],
        5: picture().transpose(1, 0, 2), 6: np.rot90(picture()),
        7: np.rot90(picture(), 2).transpose(1, 0, 2), 8: np.rot90(picture(), -1),
    }[orientation]  # fmt: skip
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / name, exif=exif)
    assert difference(read_image(tmp_path / name), picture()) <= 5
    checked = check_image(tmp_path / name)
    assert (checked.width, checked.height) == (64, 48)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"])
def test_every_colour_mode_gives_rgb(tmp_path, mode):
    grey = picture()[..., 0]
    path = tmp_path / "a.tif"
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    elif mode == "I":
        Image.fromarray(grey.astype(np.int32) * 257).save(path)
    elif mode == "F":
        Image.fromarray(grey.astype(np.float32) / 255).save(path)
    elif mode == "1":
        Image.fromarray(grey > 127).save(path)
        grey = (grey > 127).astype(np.uint8) * 255
    else:
        source = Image.fromarray(grey).convert("L" if mode == "P" else "RGB")
        suffix = {"LA": "png", "RGBA": "png", "P": "png", "CMYK": "jpg", "YCbCr": "jpg"}
        path = tmp_path / f"a.{suffix.get(mode, 'tif')}"
        source.convert(mode).save(path)
    assert difference(read_image(path), np.repeat(grey[..., None], 3, 2)) <= 3


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_a_channel_are_scaled_not_clipped(tmp_path, name):
    wide = picture().astype(np.uint16) * 257
    assert cv2.imwrite(str(tmp_path / name), wide[..., ::-1])
    assert difference(read_image(tmp_path / name), picture()) <= 1


def deep_tiff(pixels, orientation):
    """A colour TIFF of big-endian 16-bit numbers, which neither PIL nor OpenCV writes."""
    height, width, channels = pixels.shape
    data = (pixels.astype(">u2") * 257).astype(">u2").tobytes()
    depths = struct.pack(">3H", 16, 16, 16)
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 8), (259, 4, 1, 1), (262, 4, 1, 2),
        (273, 4, 1, 8 + len(depths)), (274, 4, 1, orientation), (277, 4, 1, channels),
        (278, 4, 1, height), (279, 4, 1, len(data)),
    ]  # fmt: skip
    directory = struct.pack(">H", len(tags)) + b"".join(struct.pack(">HHII", *tag) for tag in tags)
    offset = 8 + len(depths) + len(data)
    return b"MM\0*" + struct.pack(">I", offset) + depths + data + directory + bytes(4)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 1), (8, -1)])
def test_colour_tiffs_of_sixteen_bits_are_upright(tmp_path, orientation, turns):
    stored = np.ascontiguousarray(np.rot90(picture(), turns))
    (tmp_path / "a.tif").write_bytes(deep_tiff(stored, orientation))
    assert difference(read_image(tmp_path / "a.tif"), picture()) <= 1
    checked = check_image(tmp_path / "a.tif")
    assert (checked.width, checked.height) == (64, 48)


def test_an_enormous_tiff_of_sixteen_bits_is_refused_by_its_header(tmp_path):
    assert cv2.imwrite(str(tmp_path / "a.tif"), picture().astype(np.uint16))
    with pytest.raises(ImageError, match="64 x 48 pixels are more than 3,000"):
        read_image(tmp_path / "a.tif", max_pixels=3000)


def test_garbage_instead_of_exif_data_is_no_reason_to_refuse_a_photograph(tmp_path):
    garbage = b"Exif\0\0" + bytes(range(1, 60))
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=95, exif=garbage)
    check_image(tmp_path / "a.jpg")
    assert difference(read_image(tmp_path / "a.jpg"), picture()) <= 3


@pytest.mark.parametrize("read", [read_image, check_image])
def test_numbers_that_are_no_colours_are_an_error_when_checked_too(tmp_path, read):
    Image.fromarray(np.full((8, 8), 300, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"outside \[0, 1\]"):
        read(tmp_path / "a.tif")


def test_transparency_is_laid_on_white(tmp_path):
    image = Image.fromarray(picture()).convert("RGBA")
    image.putalpha(0)
    image.save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == 255).all()


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (read_image(tmp_path / "a.gif") == (255, 0, 0)).all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 120))
def test_reduced_decoding_keeps_the_smallest_side_and_the_aspect(tmp_path, width, height, side):
    Image.fromarray(picture(width, height)).save(tmp_path / "a.jpg")
    rows, columns = read_image(tmp_path / "a.jpg", min_side=side).shape[:2]
    assert min(rows, columns) >= min(side, width, height)
    assert abs(rows * width - columns * height) < 8 * max(rows, columns)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("side", [20, 40, 80])
def test_reduced_decoding_keeps_the_picture(tmp_path, mode, side):
    image = Image.fromarray(picture(320, 176)).convert(mode)
    image.save(tmp_path / "a.jpg", quality=95)
    expected = np.array(image.convert("RGB").reduce(176 // side))
    assert difference(read_image(tmp_path / "a.jpg", min_side=side), expected) <= 3


def test_a_large_photograph_is_decoded_at_reduced_scale(tmp_path):
    Image.fromarray(picture(800, 600)).save(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg", min_side=140).shape == (150, 200, 3)
    assert read_image(tmp_path / "a.jpg", min_side=151).shape == (300, 400, 3)


def test_a_photograph_with_further_frames_as_telephones_write_them(tmp_path):
    frames = [Image.fromarray(picture()), Image.new("RGB", (64, 48))]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:], quality=95)
    assert difference(read_image(tmp_path / "a.jpg"), picture()) <= 3


def test_a_photograph_with_data_behind_its_end_is_read(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=95)
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"written behind by a telephone")
    check_image(tmp_path / "a.jpg")
    assert difference(read_image(tmp_path / "a.jpg"), picture()) <= 3


def encoded(kind):
    content = io.BytesIO()
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize("read", [read_image, check_image])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"not an image at all", "no image"),
        (b"II*\0 not a TIFF either", "no image"),
        *[(encoded(kind)[:-800], "truncated") for kind in ("JPEG", "PNG", "WEBP", "BMP")],
        *[
            (encoded(kind)[:100], "truncated|damaged|no image")
            for kind in ("JPEG", "PNG", "WEBP", "TIFF")
        ],
    ],
)
def test_broken_files_are_errors_with_path_and_reason(tmp_path, read, content, reason):
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"broken\.jpg: .*({reason})"):
        read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "MPO", "AVIF")),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(1, 20_000),
)
def test_what_passes_the_check_can_be_read(tmp_path, kind, changes, length):
    content = bytearray(encoded(kind))
    for place, value in changes:
        content[place] = value
    path = tmp_path / "damaged.jpg"
    path.write_bytes(content[:length])
    try:
        check_image(path, max_pixels=10**6)
    except ImageError:
        return
    read_image(path, max_pixels=10**6)


@pytest.mark.parametrize("read", [read_image, check_image])
def test_an_enormous_image_is_refused_by_its_header(tmp_path, read):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="64 x 48 pixels are more than 3,000"):
        read(tmp_path / "a.png", max_pixels=3000)


@pytest.mark.parametrize("name", ["none.jpg", "."])
def test_what_is_no_file_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(ImageError, match="directory"):
        read_image(tmp_path / name)
