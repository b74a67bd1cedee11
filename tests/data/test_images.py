import io

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
        ("rüst 锈.jpg", {"quality": 95}, 3),
    ],
)  # fmt: skip
def test_every_format_gives_rgb(tmp_path, name, options, tolerance):
    Image.fromarray(picture()).save(tmp_path / name, **options)
    assert difference(read_image(tmp_path / name), picture()) <= tolerance


def test_content_counts_not_the_name(tmp_path):
    Image.fromarray(picture()).save(tmp_path / "a.jpg", format="PNG")
    assert difference(read_image(tmp_path / "a.jpg"), picture()) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
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
    facts, _ = check_image(tmp_path / name)
    assert (facts.width, facts.height) == (64, 48)


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
@given(st.integers(8, 200), st.integers(8, 200), st.integers(1, 120))
def test_reduced_decoding_keeps_the_picture_and_the_smallest_side(tmp_path, width, height, side):
    Image.fromarray(picture(width, height)).save(tmp_path / "a.jpg", quality=95)
    reduced = read_image(tmp_path / "a.jpg", min_side=side)
    assert min(reduced.shape[:2]) >= min(side, width, height)
    expected = cv2.resize(
        picture(width, height), reduced.shape[1::-1], interpolation=cv2.INTER_AREA
    )
    assert difference(reduced, expected) <= 6


def test_a_large_photograph_is_decoded_at_reduced_scale(tmp_path):
    Image.fromarray(picture(800, 600)).save(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg", min_side=140).shape == (150, 200, 3)


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
        *[(encoded(kind)[:-800], "damaged") for kind in ("JPEG", "PNG", "WEBP", "BMP")],
        *[(encoded(kind)[:100], "damaged|no image") for kind in ("JPEG", "PNG", "WEBP", "TIFF")],
    ],
)
def test_broken_files_are_errors_with_path_and_reason(tmp_path, read, content, reason):
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=rf"broken\.jpg: .*({reason})"):
        read(path)


@pytest.mark.parametrize("read", [read_image, check_image])
def test_an_enormous_image_is_refused_by_its_header(tmp_path, read):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="64 x 48 pixels are more than 3,000"):
        read(tmp_path / "a.png", max_pixels=3000)


@pytest.mark.parametrize("name", ["none.jpg", "."])
def test_what_is_no_file_is_an_error_that_names_it(tmp_path, name):
    with pytest.raises(ImageError, match="directory"):
        read_image(tmp_path / name)
