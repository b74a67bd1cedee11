"""Files that are not the photographs they are called, among sound ones."""

from __future__ import annotations

import io
import itertools
import os
import random
import shutil
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from PIL import Image

from attacks.child import Action
from attacks.world import Attack, Result, Verdict, World

Expected = Literal["fails", "answer", "either"]
"""Of the attacking file: a row with its reason, a probability, or one of them."""

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "TIFF": "tif", "BMP": "bmp", "GIF": "gif"}
MODES = {
    "JPEG": ("L", "CMYK"),
    "PNG": ("1", "P", "LA", "RGBA", "I;16"),
    "GIF": ("P",),
    "WEBP": ("RGBA",),
    "TIFF": ("CMYK", "LAB"),
}
OPTIONS: tuple[tuple[str, ...], ...] = (
    (),
    ("--explain",),
    ("--masks",),
    ("--tiles", "--threshold=0.5"),
)


def attacks(world: World, draw: random.Random) -> Iterator[Attack]:
    """Files made on purpose, then cut and bent ones without end."""
    options = itertools.cycle(OPTIONS)
    for name, file, make, expected in made(draw):
        yield attack(name, file, make, expected, next(options))
    while True:
        name, suffix = draw.choice(list(FORMATS.items()))
        content = encoded(photograph(draw), name)
        if draw.random() < 0.5:
            kept = draw.randrange(1, len(content) * 3 // 4)
            make = partial(Path.write_bytes, data=content[:kept])
            yield attack(f"{name} cut at {kept}", f"bad.{suffix}", make, "fails", next(options))
        else:
            bent = bytearray(content)
            places = [draw.randrange(len(bent)) for _ in range(draw.choice([1, 4, 32]))]
            for place in places:
                bent[place] ^= 1 << draw.randrange(8)
            make = partial(Path.write_bytes, data=bytes(bent))
            yield attack(
                f"{name} bent at {places[:4]}", f"bad.{suffix}", make, "either", next(options)
            )


def attack(
    name: str, file: str, make: Callable[[Path], Any], expected: Expected, options: tuple[str, ...]
) -> Attack:
    """`corrosion predict` on a folder of sound photographs and one file."""

    def prepare(folder: Path, world: World) -> Action:
        shutil.copytree(world.photographs, folder / "photographs")
        make(folder / "photographs" / file)
        return ("predict", str(world.run), "photographs", "--device=cpu", "--out=out", *options)

    return Attack(
        "images",
        f"{name} {' '.join(options)}",
        prepare,
        partial(judge, file=file, expected=expected),
    )


def judge(folder: Path, world: World, result: Result, *, file: str, expected: Expected) -> Verdict:
    """Sound photographs have their answers, and the other has a row or is named."""
    if not (folder / "out" / "predictions.csv").is_file():
        return "lost"
    table = pd.read_csv(folder / "out" / "predictions.csv", keep_default_na=False)
    rows = {
        Path(path).name: row
        for path, row in zip(table["path"], table.to_dict("records"), strict=True)
    }
    if not set(world.truth) <= set(rows):
        return "lost"
    if any("--tiles" in line for line in result.text.splitlines()):
        pass
    for name, probability in world.truth.items():
        row = rows[name]
        known = row.get("whole_probability") or row["probability"]
        if row["error"] or abs(float(known) - probability) > 1e-4:
            return "wrong"
    if file not in rows and (folder / "photographs" / file).is_dir():
        return "right"  # whatever its name: what is in it is searched where that is asked for
    if file not in rows:
        return "row" if file in result.text else "lost"
    answered, failed = rows[file]["probability"] != "", rows[file]["error"] != ""
    if answered == failed or (expected != "either" and failed != (expected == "fails")):
        return "wrong"
    if answered and not 0 <= float(rows[file]["probability"]) <= 1:
        return "wrong"
    return "row" if failed else "right"


def photograph(
    draw: random.Random, mode: str = "RGB", size: tuple[int, int] = (80, 60)
) -> Image.Image:
    """A picture of noise, which no format shrinks to nothing."""
    noise = np.random.default_rng(draw.randrange(2**32)).integers(0, 256, (size[1], size[0], 3))
    return Image.fromarray(noise.astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file of a format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A part of a PNG file."""
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(
    width: int, height: int, data: bytes, *more: bytes, depth: int = 8, colour: int = 2
) -> bytes:
    """A PNG file that claims a size, whatever it holds."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(more)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def made(draw: random.Random) -> Iterator[tuple[str, str, Callable[[Path], Any], Expected]]:
    """Name, file, how it is made, what is expected."""

    def content(data: bytes) -> Callable[[Path], Any]:
        return partial(Path.write_bytes, data=data)

    picture = photograph(draw)
    jpeg = encoded(picture, "JPEG")
    yield "empty", "bad.jpg", content(b""), "fails"
    yield "a byte", "bad.png", content(b"\x89"), "fails"
    yield "text", "bad.jpg", content(b"not an image\n" * 50), "fails"
    yield "HTML", "bad.png", content(b"<html><script>alert(1)</script></html>"), "fails"
    yield "SVG", "bad.png", content(b'<svg xmlns="http://www.w3.org/2000/svg"/>'), "fails"
    yield (
        "PostScript",
        "bad.jpg",
        content(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "fails",
    )
    yield "PDF", "bad.jpg", content(b"%PDF-1.4\n1 0 obj<<>>endobj\n"), "fails"
    yield "FITS", "bad.jpg", content(b"SIMPLE  =                    T".ljust(2880)), "fails"
    yield "zip", "bad.jpg", content(b"PK\x03\x04" + bytes(200)), "fails"
    yield "zeros", "bad.jpg", content(bytes(5000)), "fails"
    yield "HEIC", "bad.heic", content(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)), "fails"
    yield (
        "a text called video",
        "bad.mp4",
        content(b"ffconcat version 1.0\nfile good0.png\n"),
        "fails",
    )
    yield "an empty video", "bad.avi", content(b""), "fails"
    yield "the head of a video", "bad.mkv", content(b"\x1aE\xdf\xa3" + bytes(60)), "fails"
    yield (
        "a PNG that claims 100,000 x 100,000",
        "bad.png",
        content(png(100_000, 100_000, b"")),
        "fails",
    )
    yield "a PNG that claims nothing", "bad.png", content(png(0, 0, b"")), "fails"
    yield "a PNG with 20 of 100 rows", "bad.png", content(png(50, 100, bytes(151 * 20))), "fails"
    yield (
        "a PNG with a bomb of text",
        "bad.png",
        content(
            png(8, 8, bytes(25 * 8), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100_000_000))))
        ),
        "either",
    )
    yield (
        "a PNG with a bomb of a profile",
        "bad.png",
        content(
            png(8, 8, bytes(25 * 8), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100_000_000))))
        ),
        "either",
    )
    yield "1 x 100,000", "bad.png", content(png(1, 100_000, bytes(4 * 100_000))), "either"
    yield (
        "1 x 100,000 explained",
        "bad2.png",
        content(png(1, 100_000, bytes(4 * 100_000))),
        "either",
    )
    yield "100,000 x 1", "bad.png", content(png(100_000, 1, bytes(300_001))), "either"
    yield (
        "30,000 x 2",
        "bad.jpg",
        content(encoded(photograph(draw, size=(30_000, 2)), "JPEG")),
        "either",
    )
    yield (
        "2 x 30,000",
        "bad.jpg",
        content(encoded(photograph(draw, size=(2, 30_000)), "JPEG")),
        "either",
    )
    yield "1 x 1", "bad.png", content(encoded(photograph(draw, size=(1, 1)), "PNG")), "either"
    yield "3 x 2", "bad.jpg", content(encoded(photograph(draw, size=(3, 2)), "JPEG")), "either"
    yield "a JPEG without its end", "bad.jpg", content(jpeg[:-2]), "either"
    yield "a JPEG with more behind", "bad.jpg", content(jpeg + bytes(10_000)), "answer"
    yield "a JPEG with a PNG behind", "bad.jpg", content(jpeg + encoded(picture, "PNG")), "answer"
    yield (
        "a JPEG that claims 65,500 x 65,500",
        "bad.jpg",
        content(claims(jpeg, 65_500, 65_500)),
        "fails",
    )
    yield "a JPEG of no height", "bad.jpg", content(claims(jpeg, 0, 60)), "fails"
    for kind, modes in MODES.items():
        for mode in modes:
            image = converted(picture, mode)
            yield (
                f"{kind} of mode {mode}",
                f"bad.{FORMATS[kind]}",
                content(encoded(image, kind)),
                "answer",
            )
    yield (
        "TIFF of floats",
        "bad.tif",
        content(encoded(Image.fromarray(np.full((40, 40), np.nan, dtype=np.float32)), "TIFF")),
        "either",
    )
    yield (
        "a palette with a transparent colour",
        "bad.png",
        content(encoded(picture.convert("P"), "PNG", transparency=3)),
        "answer",
    )
    for kind in ("GIF", "TIFF", "WEBP"):
        more = [photograph(draw) for _ in range(3)]
        yield (
            f"{kind} of 4 frames",
            f"bad.{FORMATS[kind]}",
            content(encoded(picture, kind, save_all=True, append_images=more)),
            "answer",
        )
    for orientation in (0, 5, 9, 65535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield (
            f"orientation {orientation}",
            "bad.jpg",
            content(encoded(picture, "JPEG", exif=exif.tobytes())),
            "answer",
        )
    yield (
        "EXIF of noise",
        "bad.jpg",
        content(encoded(picture, "JPEG", exif=b"Exif\0\0" + draw.randbytes(3000))),
        "answer",
    )
    yield (
        "a profile of noise",
        "bad.jpg",
        content(encoded(picture, "JPEG", icc_profile=draw.randbytes(3000))),
        "answer",
    )
    for kind, suffix in FORMATS.items():
        whole = encoded(picture, kind)
        for share in (0.02, 0.5, 0.9):
            yield (
                f"{share:.0%} of a {kind}",
                f"bad.{suffix}",
                content(whole[: int(len(whole) * share)]),
                "fails",
            )
        yield f"{kind} called otherwise", "bad.jpeg", content(whole), "answer"
    bmp = bytearray(encoded(picture, "BMP"))
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, 2**31 - 1)
    yield "a BMP that claims too much", "bad.bmp", content(bytes(bmp)), "fails"
    yield (
        "a TIFF that goes round",
        "bad.tif",
        content(
            struct.pack("<2sHI", b"II", 42, 8)
            + struct.pack("<H", 1)
            + struct.pack("<HHII", 256, 4, 1, 8)
            + struct.pack("<I", 8)
        ),
        "fails",
    )
    yield "a folder", "bad.jpg", Path.mkdir, "either"
    yield "a pipe", "bad.jpg", os.mkfifo, "either"
    yield "a link to itself", "bad.jpg", lambda path: path.symlink_to(path), "either"
    yield "a link to nothing", "bad.jpg", lambda path: path.symlink_to("gone.jpg"), "either"
    yield "a link to a device", "bad.jpg", lambda path: path.symlink_to("/dev/zero"), "either"
    yield (
        "a link to the password file",
        "bad.jpg",
        lambda path: path.symlink_to("/etc/passwd"),
        "fails",
    )
    yield "a socket", "bad.jpg", listen, "either"
    yield (
        "a large file of nothing",
        "bad.jpg",
        lambda path: (path.touch(), os.truncate(path, 20 * 2**30)),
        "fails",
    )


def listen(path: Path) -> None:
    """A socket at a path."""
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path may have 108 signs
        server.bind(path.name)
        os.chdir(here)


def converted(image: Image.Image, mode: str) -> Image.Image:
    """A picture in a mode, by way of those that lead there."""
    if mode == "LAB":
        return Image.frombytes("LAB", image.size, image.tobytes())
    ways = {"LA": "L", "I;16": "I"}
    return image.convert(ways.get(mode, mode)).convert(mode)


def claims(jpeg: bytes, height: int, width: int) -> bytes:
    """A JPEG file with another size in its head."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", height, width) + jpeg[place + 4 :]
