"""A made-up inspection: what lies on a drone's card after a flight around eight assets.

OUT/bridge-north/2025-05-12/DJI_0001.JPG    photographs with place, time, direction and camera in
                                            EXIF, the gimbal in DJI's XMP, some stored sideways
OUT/bridge-north/2025-05-12/DJI_0004.JPG    one of three that are broken, in different ways
OUT/flare/2025-05-12/DJI_0900.MP4           a video, and DJI_0900.SRT, which tells its places
OUT/truth.csv                               path, asset and corroded (1 or 0) of what can be read
"""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from corrosion.data.sample.picture import draw
from corrosion.errors import CorrosionError
from corrosion.system.files import is_taken, replacing_folder
from corrosion.system.progress import progress

COUNT, SIZE = 40, 1200
"""How many photographs of which longer side an inspection has by default."""

_ASSETS = {  # share of corroded photographs
    "bridge-north": 0.6, "bridge-south": 0.2, "tank-1": 0.9, "tank-2": 0.0, "flare": 0.5,
    "quay-crane": 0.4, "Überlauf-Wehr": 0.3, "gantry": 0.1,
}  # fmt: skip
_DATE = "2025-05-12"
_ORIGIN = (47.3700, 8.5400)  # degrees north and east
_APART = 0.004  # degrees between assets
_DRAWN = 640  # pixels: larger photographs are enlarged, which takes a tenth of the time
_QUALITY = 90
# how the pixels of each orientation of EXIF are turned back
_TURNS = {
    1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}  # fmt: skip
_ORIENTATIONS = (1, 1, 6, 1, 8, 3)
_FRAMES, _RATE = 60, 10
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" '
    'drone-dji:GimbalPitchDegree="{pitch:+.1f}" drone-dji:GimbalYawDegree="{yaw:+.1f}"/>'
    "</rdf:RDF></x:xmpmeta>"
)


@dataclass(frozen=True)
class _Shot:
    """One photograph of a flight."""

    number: int
    asset: str
    corroded: bool
    latitude: float
    longitude: float
    direction: float
    taken: datetime

    @property
    def file(self) -> str:
        return f"{self.asset}/{_DATE}/DJI_{self.number + 1:04d}.JPG"


def make_inspection(root: Path, *, count: int = COUNT, size: int = SIZE, seed: int = 0) -> Path:
    """Write a made-up inspection.

    Three of the photographs are broken: one is cut, one is empty, one is text. The scenes are those
    of the sample (`corrosion.data.sample`), in the shape 4:3.

    Args:
        root: folder to write to, missing or empty.
        count: number of photographs, broken ones too; at least 8.
        size: longer side in pixels, at least 64.
        seed: seed of what is drawn, 0 or more.

    Returns:
        `root`.

    Raises:
        CorrosionError: `root` holds something, or can't be written.
    """
    if is_taken(root):
        raise CorrosionError(f"{root} holds something already: name a new folder.")
    try:
        with replacing_folder(root) as folder:
            shots = list(_shots(count, seed))
            for shot in progress(shots, description="Drawing the inspection", total=count):
                _write_photograph(folder / shot.file, shot, size, seed)
            broken = _break(folder, shots)
            _write_video(folder / "flare" / _DATE, seed)
            _write_truth(folder / "truth.csv", [one for one in shots if one not in broken])
    except OSError as error:
        raise CorrosionError(f"{root} can't be written: {error.strerror or error}.") from error
    return root


def _shots(count: int, seed: int) -> Iterator[_Shot]:
    rng = np.random.default_rng((seed, 1))
    names = list(_ASSETS)
    for number in range(count):
        asset = number * len(names) // count  # one after the other, as they are flown around
        angle = rng.uniform(0, 360)
        distance = rng.uniform(2e-4, 6e-4)
        yield _Shot(
            number,
            names[asset],
            bool(rng.random() < _ASSETS[names[asset]]),
            _ORIGIN[0] + asset // 4 * _APART + distance * math.cos(math.radians(angle)),
            _ORIGIN[1] + asset % 4 * _APART + distance * math.sin(math.radians(angle)),
            round((angle + 180) % 360, 1),  # towards the asset
            datetime.fromisoformat(f"{_DATE}T09:00:00") + timedelta(seconds=20 * number),
        )


def _scene(shot: _Shot, size: int, seed: int) -> NDArray[np.uint8]:
    """Pixels (3 / 4 of size, size, 3) of a scene."""
    side = min(size, _DRAWN)
    pixels = draw(seed, shot.number, size=side, corroded=shot.corroded).image
    cut = side // 8
    part = pixels[cut : cut + side * 3 // 4]
    return cv2.resize(part, (size, size * 3 // 4), interpolation=cv2.INTER_CUBIC)


def _write_photograph(path: Path, shot: _Shot, size: int, seed: int) -> None:
    image = Image.fromarray(_scene(shot, size, seed))
    orientation = _ORIENTATIONS[shot.number % len(_ORIENTATIONS)]
    turn = _TURNS[orientation]
    if turn is not None:
        image = image.transpose(turn)
    exif = Image.Exif()
    tags, gps = ExifTags.Base, ExifTags.GPS
    exif.update({tags.Make: "DJI", tags.Model: "FC6310", tags.Orientation: orientation})
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            tags.DateTimeOriginal: shot.taken.strftime("%Y:%m:%d %H:%M:%S"),
            tags.OffsetTimeOriginal: "+02:00",
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            gps.GPSLatitudeRef: "N",
            gps.GPSLatitude: _sexagesimal(shot.latitude),
            gps.GPSLongitudeRef: "E",
            gps.GPSLongitude: _sexagesimal(shot.longitude),
            gps.GPSAltitudeRef: b"\0",
            gps.GPSAltitude: 420.0 + shot.number % 30,
            gps.GPSImgDirectionRef: "T",
            gps.GPSImgDirection: shot.direction,
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    xmp = _XMP.format(pitch=-15 - shot.number % 60, yaw=shot.direction)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, exif=exif, xmp=xmp.encode())
    path.write_bytes(file.getvalue())


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(round(degrees * 3600, 4), 60)
    whole, minutes = divmod(minutes, 60)
    return whole, minutes, seconds


def _break(folder: Path, shots: list[_Shot]) -> list[_Shot]:
    """Damage three photographs, one a third of the flight; returns them."""
    chosen = [shots[len(shots) * part // 7] for part in (1, 3, 5)]
    cut, empty, text = (folder / one.file for one in chosen)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    empty.write_bytes(b"")
    text.write_text("This is no photograph.\n")
    return chosen


def _write_video(folder: Path, seed: int) -> None:
    """A slow look over one scene, and where the drone was meanwhile."""
    pixels = draw(seed, 1_000_001, size=_DRAWN, corroded=True).image
    path = folder / "DJI_0900.MP4"
    folder.mkdir(parents=True, exist_ok=True)
    # OpenCV goes by the ending, and knows it in lower case only
    raw = path.with_suffix(".part.mp4")
    video = cv2.VideoWriter(str(raw), cv2.VideoWriter.fourcc(*"mp4v"), _RATE, (480, 360))
    lines = []
    for number in range(_FRAMES):
        top, left = (280 * number // _FRAMES, 160 * number // _FRAMES)
        frame = pixels[top : top + 360, left : left + 480]
        video.write(np.ascontiguousarray(frame[..., ::-1]))
        lines.append(_subtitle(number))
    video.release()
    shutil.move(raw, path)
    path.with_suffix(".SRT").write_text("\n".join(lines), encoding="utf-8")


def _subtitle(number: int) -> str:
    start, end = number / _RATE, (number + 1) / _RATE
    latitude, longitude = _ORIGIN[0] + _APART + number * 1e-6, _ORIGIN[1] + number * 2e-6
    return (
        f"{number + 1}\n{_clock(start)} --> {_clock(end)}\n"
        f'<font size="28">SrtCnt : {number + 1}, DiffTime : {1000 // _RATE}ms\n'
        f"{_DATE} 09:30:{number // _RATE:02d}.{number % _RATE}00\n"
        f"[iso : 100] [latitude: {latitude:.6f}] [longitude: {longitude:.6f}] "
        f"[rel_alt: 20.000 abs_alt: {440 + number / 10:.3f}] "
        f"[gb_yaw: {number}.0 gb_pitch: -30.0 gb_roll: 0.0] </font>\n"
    )


def _clock(seconds: float) -> str:
    return f"00:00:{int(seconds):02d},{round(seconds % 1 * 1000):03d}"


def _write_truth(path: Path, shots: list[_Shot]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "asset", "corroded"))
        table.writerows((one.file, one.asset, int(one.corroded)) for one in shots)
