"""What is read of a photograph's header, and that nothing in it can break a prediction."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from corrosion.data.photograph_facts import photograph_facts

XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description drone-dji:GimbalPitchDegree="-89.90"
 drone-dji:GimbalYawDegree="+12.30" drone-dji:GpsLatitude="47.5" drone-dji:GpsLongtitude="8.25"
 drone-dji:AbsoluteAltitude="+432.10"/></x:xmpmeta>"""


def picture(kind="JPEG", *, base=(), inner=(), gps=(), **options):
    """The bytes of a photograph of 8 x 8 pixels with these tags."""
    exif = Image.Exif()
    exif.update(dict(base))
    exif.get_ifd(ExifTags.IFD.Exif).update(dict(inner))
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(dict(gps))
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, kind, exif=exif, **options)
    return file.getvalue()


def without_digest(content):
    facts = photograph_facts(content)
    assert facts.sha256 == hashlib.sha256(content).hexdigest()
    return {name: value for name, value in vars(facts).items() if value is not None} | {
        "sha256": None
    }


FULL = {
    "base": {0x010F: "DJI", 0x0110: "FC6310", 0x0112: 6},
    "inner": {0x9003: "2025:05:01 10:20:30", 0x9011: "+02:00"},
    "gps": {
        1: "S", 2: (33.0, 51.0, 30.0), 3: "W", 4: (70.0, 30.0, 0.0), 5: b"\1", 6: 12.5, 16: "T",
        17: 271.5,
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_place_time_and_camera_are_read_of_every_kind_of_file(kind):
    if kind == "AVIF" and not Image.registered_extensions().get(".avif"):
        pytest.skip("Pillow was built without AVIF")
    facts = without_digest(picture(kind, **FULL))
    assert facts == {
        "taken_at": "2025-05-01T10:20:30+02:00",
        "latitude": pytest.approx(-33.8583333),
        "longitude": -70.5,
        "altitude": -12.5,
        "direction": 271.5,
        "camera": "DJI FC6310",
        "sha256": None,
    }


def test_a_drone_tells_where_its_gimbal_points_and_its_place_where_exif_has_none():
    facts = without_digest(picture(xmp=XMP))
    assert facts == {
        "latitude": 47.5, "longitude": 8.25, "altitude": 432.1, "gimbal_pitch": -89.9,
        "gimbal_yaw": 12.3, "sha256": None,
    }  # fmt: skip
    elements = b"<drone-dji:GimbalPitchDegree>-30.0</drone-dji:GimbalPitchDegree>"
    both = photograph_facts(picture(xmp=XMP + elements, gps=FULL["gps"]))
    assert (both.latitude, both.gimbal_pitch) == (pytest.approx(-33.8583333), -30)


@pytest.mark.parametrize(
    "tags",
    [
        {"gps": {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}},  # before the first fix
        {"gps": {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (8.0, 0.0, 0.0)}},
        {"gps": {1: "N", 2: (47.0, 0.0, 0.0)}},  # half a position
        {"inner": {0x9003: "0000:00:00 00:00:00"}},
        {"inner": {0x9003: "2025:13:45 10:20:30"}},
        {"base": {0x010F: "", 0x0110: "\0\0"}},
    ],
)
def test_what_is_impossible_is_not_known(tags):
    assert without_digest(picture(**tags)) == {"sha256": None}


def test_a_maker_is_not_said_twice_and_control_characters_go():
    facts = photograph_facts(picture(base={0x010F: "Canon", 0x0110: "Canon EOS\r\n5D"}))
    assert facts.camera == "Canon EOS 5D"


def test_a_png_is_not_decoded_for_its_facts(monkeypatch):
    content = picture("PNG")
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert photograph_facts(content).camera is None


@pytest.mark.parametrize(
    ("marker", "data", "maker"),
    [(0xE1, b"FLIR\0\1", "FLIR Systems AB"), (0xE3, b"\1\2\3\4", "DJI")],
)
def test_thermal_photographs_carry_a_note(marker, data, maker):
    content = picture(base={0x010F: maker, 0x0110: "T"})
    segment = bytes([0xFF, marker]) + (len(data) + 2).to_bytes(2, "big") + data
    found = photograph_facts(content[:2] + segment + content[2:])
    assert "not its temperatures" in found.note
    assert photograph_facts(content).note is None


def test_a_cut_file_still_tells_where_it_was_taken():
    content = picture(**FULL)
    assert photograph_facts(content[: content.index(b"\xff\xda") + 16]).longitude == -70.5


def test_places_can_be_left_out():
    facts = photograph_facts(picture(**FULL, xmp=XMP)).without_location()
    assert (facts.latitude, facts.longitude, facts.altitude, facts.direction) == (None,) * 4
    assert (facts.gimbal_pitch, facts.gimbal_yaw) == (None, None)
    assert facts.taken_at == "2025-05-01T10:20:30+02:00"


@given(st.binary(max_size=400), st.booleans())
def test_no_exif_at_all_breaks_reading(garbage, begins_well):
    head = b"Exif\0\0II*\0\x08\0\0\0" if begins_well else b"Exif\0\0"
    segment = head + garbage
    content = picture()
    marker = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big")
    facts = photograph_facts(content[:2] + marker + segment + content[2:])
    assert facts.latitude is None or -90 <= facts.latitude <= 90
    assert facts.sha256 is not None


@given(st.data())
def test_no_damage_to_a_good_header_breaks_reading(data):
    content = bytearray(picture(**FULL, xmp=XMP))
    for place in data.draw(st.lists(st.integers(2, 400), max_size=12)):
        content[place] = data.draw(st.integers(0, 255))
    facts = photograph_facts(bytes(content))
    assert facts.longitude is None or -180 <= facts.longitude <= 180
    assert facts.direction is None or 0 <= facts.direction < 360
    assert facts.camera is None or facts.camera.isprintable()
