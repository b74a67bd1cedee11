"""Whatever is uploaded ends in an answer or a reason, and never in a fault of the service."""

import random
from functools import partial

import pytest
from attacks.images import FORMATS, encoded, made, photograph
from fastapi.testclient import TestClient

from corrosion.serve.app import build_app
from corrosion.serve.network import open_network
from corrosion.settings.serve import ServeSettings

BENT = 60


def uploads():
    """Files made on purpose, then cut and bent ones: their bytes, and what is expected."""
    draw = random.Random(0)
    for name, file, make, expected in made(draw):
        if isinstance(make, partial):  # others are no files that can be sent
            yield name, file, make.keywords["data"], expected
    for number in range(BENT):
        kind, suffix = draw.choice(list(FORMATS.items()))
        content = bytearray(encoded(photograph(draw), kind))
        if number % 3:
            for _ in range(draw.choice([1, 4, 32])):
                content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            yield f"{kind} bent, {number}", f"bad.{suffix}", bytes(content), "either"
        else:
            kept = draw.randrange(1, len(content) * 3 // 4)
            yield f"{kind} cut at {kept}", f"bad.{suffix}", bytes(content[:kept]), "fails"


@pytest.fixture(scope="module")
def client(exported):
    settings = ServeSettings(threshold=0.001)  # regions are sought in all
    app = build_app(open_network(exported.onnx, settings), settings)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_every_attack_is_answered_or_refused_with_a_reason(client):
    seen = set()
    for name, file, content, expected in uploads():
        response = client.post("/predict?explain=1", files={"files": (file, content)})
        status, said = response.status_code, response.json()
        assert status == 200 or 400 <= status < 500, name
        if status == 200:
            [answer] = said["results"]
            assert 0 <= answer["probability"] <= 1, name
            assert answer["error"] is None, name
        else:
            assert said["error"].strip(), name
        assert expected in ("either", "answer" if status == 200 else "fails"), (name, said)
        seen.add(status)
    assert seen == {200, 413, 415, 422}


def test_attacks_in_one_form_spoil_no_photograph_beside_them(client):
    sound = encoded(photograph(random.Random(1)), "PNG")
    form = []
    for _, file, content, expected in uploads():
        if expected == "fails":
            form += [("files", (file, content)), ("files", ("sound.png", sound))]
    results = client.post("/predict", files=form[:90]).json()["results"]
    probabilities = {one["probability"] for one in results if one["file"] == "sound.png"}
    assert len(probabilities) == 1
    assert None not in probabilities
    assert all(one["error"] for one in results if one["file"] != "sound.png")
