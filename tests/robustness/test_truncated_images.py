"""A photograph of which a part is missing is told, whatever its format; whole ones are read."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from corrosion.data.images import ImageError, check_image, read_image

KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
SCENE = np.random.default_rng(0).integers(0, 256, (100, 60, 3), dtype=np.uint8)


def encoded(kind, pixels=SCENE, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def png(rows, *, height=100, width=60, interlaced=False, bits=8, colour=2, level=1):
    """A PNG that promises more rows than it holds."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    data = zlib.compress(rows, level)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def filtered(pixels):
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def read(content):
    """Read by both readers, which must agree."""
    found = []
    for reader in (read_image, check_image):
        try:
            reader_content = {"content": content} if reader is read_image else {}
            if reader is check_image:
                PATH.write_bytes(content)
            found.append(reader(PATH, **reader_content))
        except ImageError as error:
            found.append(error.reason)
    assert isinstance(found[0], str) == isinstance(found[1], str), found
    return found[0]


@pytest.fixture(autouse=True, scope="module")
def _path(tmp_path_factory):
    global PATH
    PATH = tmp_path_factory.mktemp("truncated") / "photo"


@given(
    kind=st.sampled_from(KINDS), share=st.floats(0.02, 1), few=st.integers(1, 20), by=st.booleans()
)
def test_a_file_that_is_cut_is_never_a_photograph(kind, share, few, by):
    content = encoded(kind)
    cut = content[:-few] if by else content[: int(share * (len(content) - 1))]
    assert isinstance(read(cut), str)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("few", [1, 2, 10, 2000])
def test_a_cut_file_is_called_truncated(kind, few):
    assert read(encoded(kind)[:-few]).startswith("truncated")


@pytest.mark.parametrize("rows", [0, 20, 99])
def test_a_png_that_was_closed_after_some_rows_is_truncated(rows):
    assert read(png(filtered(SCENE[:rows]))).startswith("truncated")


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"progressive": True}])
def test_a_jpeg_that_was_closed_after_some_rows_is_truncated(share, options):
    content = encoded("JPEG", np.tile(SCENE, (4, 4, 1)), **options)
    scan = (
        content.rfind(b"\xff\xda") if not options.get("progressive") else content.find(b"\xff\xda")
    )
    end = content.find(b"\xff", scan + 20) if options.get("progressive") else len(content)
    cut = scan + 14 + int(share * (min(end, len(content)) - scan - 16))
    if options.get("progressive"):  # within the first of its scans
        cut = scan + 40
    assert read(content[:cut] + b"\xff\xd9").startswith("truncated")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0, 255])
def test_photographs_that_end_in_one_colour_are_whole(kind, level):
    pixels = SCENE.copy()
    pixels[60:] = level
    assert read(encoded(kind, pixels)).shape == SCENE.shape


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_black_pngs_of_every_mode_are_whole(mode):
    stream = io.BytesIO()
    Image.new(mode, (37, 21)).save(stream, "PNG")
    assert read(stream.getvalue()).shape == (21, 37, 3)


@given(height=st.integers(1, 20), width=st.integers(1, 20), missing=st.integers(1, 2000))
def test_an_interlaced_png_is_whole_with_all_of_its_passes(height, width, missing):
    data = b""
    for row, column, rows, columns in (
        (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
        (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
    ):  # fmt: skip
        part = SCENE[:height, :width][row::rows, column::columns]
        data += filtered(part) if part.size else b""
    assert (
        read(png(data, height=height, width=width, interlaced=True)) == SCENE[:height, :width]
    ).all()
    short = data[:-missing]
    assert isinstance(read(png(short, height=height, width=width, interlaced=True)), str)


@given(
    height=st.integers(2, 90), width=st.integers(1, 60), kept=st.floats(0, 1), plain=st.booleans(),
    interlaced=st.booleans(),
)  # fmt: skip
def test_a_gif_that_was_closed_after_some_of_its_data_is_truncated(
    height, width, kept, plain, interlaced
):
    pixels = np.zeros_like(SCENE) if plain else SCENE.copy()
    pixels[-1] = 7
    content = encoded("GIF", pixels[-height:, :width], interlace=interlaced)
    assert read(content).shape == (height, width, 3)
    start = content.index(b",\0\0\0\0") + 10  # of its data, behind which comes the end mark
    start += 3 * 2 ** ((content[start - 1] & 7) + 1) if content[start - 1] & 0x80 else 0
    codes, place = b"", start + 1
    while content[place]:
        codes += content[place + 1 : place + 1 + content[place]]
        place += 1 + content[place]
    codes = codes[: int(kept * max(0, len(codes) - 4))]
    blocks = [codes[at : at + 255] for at in range(0, len(codes), 255)]
    closed = b"".join(bytes([len(one)]) + one for one in blocks) + b"\0;"
    assert isinstance(read(content[: start + 1] + closed), str)


def test_a_photograph_with_something_behind_it_is_whole():
    for kind in KINDS:
        assert read(encoded(kind) + b"trailer of a telephone").shape == SCENE.shape


def test_a_jpeg_with_a_thumbnail_is_truncated_though_the_thumbnail_ends():
    exif = Image.Exif()
    exif[0x010E] = "x"
    thumbnail = encoded("JPEG", SCENE[:16, :16])
    content = encoded("JPEG", exif=exif.tobytes() + thumbnail)
    assert read(content).shape == SCENE.shape
    assert read(content[:-300]).startswith("truncated")


def test_a_tiff_whose_strips_are_missing_is_truncated():
    stream = io.BytesIO()
    Image.fromarray(SCENE).save(stream, "TIFF", compression="tiff_lzw")
    assert read(stream.getvalue()).shape == SCENE.shape
    short = stream.getvalue()
    assert isinstance(read(short[: len(short) // 2]), str)
