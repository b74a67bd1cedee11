"""What POST /predict says of photographs, and what it refuses."""

import csv
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.explanation.grades import grade
from corrosion.prediction.outputs import Output
from corrosion.runtime import load
from corrosion.runtime.predict_files import predict_files
from corrosion.serve.network import open_network
from corrosion.settings.prediction import PredictionSettings
from corrosion.settings.serve import ServeSettings


def sent(*contents, names=None):
    """Files of a form."""
    names = names or [f"{number}.png" for number in range(len(contents))]
    return [("files", (name, content)) for name, content in zip(names, contents, strict=True)]


def ask(client, *contents, **parameters):
    """What is told of files."""
    return client.post("/predict", files=sent(*contents), params=parameters).json()["results"]


@pytest.fixture(scope="module")
def photographs(exported):
    paths = sorted(exported.photographs.iterdir())
    return [path.read_bytes() for path in paths]


def encoded(pixels, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def test_every_file_has_the_answer_that_python_gives(start, photographs, reference):
    response = start().post("/predict", files=sent(*photographs))
    assert response.status_code == 200
    content = response.json()
    assert content["band"] == list(reference.band)
    assert content["threshold"] == reference.threshold
    assert content["kinds"] == ["crevice", "pitting"]
    for said, expected in zip(content["results"], reference.predict(photographs), strict=True):
        assert said["probability"] == pytest.approx(expected.probability, abs=1e-5)
        assert said["decision"] == expected.decision
        assert said["review"] == expected.review
        assert said["unlike_training"] == expected.unlike_training
        assert said["kind"] == expected.kind
        assert said["kind_probability"] == pytest.approx(expected.kind_probability, abs=1e-5)
    assert [one["file"] for one in content["results"]] == [f"{n}.png" for n in range(6)]


def test_a_checkpoint_answers_as_its_export_does(start, exported, photographs):
    checkpoint = open_network(exported.checkpoint, ServeSettings(device="cpu"))
    form = sent(*photographs)
    ours = start(answering=checkpoint).post("/predict", files=form).json()["results"]
    others = start().post("/predict", files=form).json()["results"]
    for one, other in zip(ours, others, strict=True):
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-4)
        assert one["share"] == pytest.approx(other["share"], abs=0.02)
        assert one["kind"] == other["kind"]


@pytest.fixture
def spotted(network):
    """Networks that find a spot in the middle of every photograph, at a threshold."""

    def look(images):
        spot = np.zeros((32, 32), dtype=np.float32)
        spot[12:20, 12:20] = 1
        return [
            replace(
                one,
                unlike_training=None,
                explanation=replace(one.explanation, map=spot, empty=False),
            )
            for one in network.look(images)
        ]

    return lambda threshold: replace(network, look=look, rule=Rule(threshold, None))


def test_the_rusted_share_is_measured_where_masks_are_asked_for(start, exported, photographs):
    settings = ServeSettings(device="cpu", masks=True, threshold=0.0001)
    found = ask(start(answering=open_network(exported.checkpoint, settings)), *photographs[:2])
    for one in found:
        rust = one["rust"]
        assert one["error"] is None
        assert 0 <= rust["low"] <= rust["share"] <= rust["high"] <= 1
        assert rust["grade_iso4628_3"] == grade("iso4628_3", rust["low"], rust["high"])
    assert ask(start(), photographs[0])[0]["rust"] is None
    with pytest.raises(CorrosionError, match="give the checkpoint instead"):
        open_network(exported.onnx, settings)


def test_regions_are_told_in_pixels_of_the_photograph(start, photographs, spotted):
    pixels = np.full((1500, 3000, 3), 90, dtype=np.uint8)  # its preview is smaller
    [one] = ask(start(answering=spotted(0.0001)), encoded(pixels))
    [region] = one["regions"]
    assert (one["height"], one["width"]) == (1500, 3000)
    # the network's square is 3000 pixels of the photograph, of which the spot is a quarter
    assert region["width"] == pytest.approx(750, abs=150)
    assert region["left"] + region["width"] / 2 == pytest.approx(1500, abs=20)
    assert region["top"] + region["height"] / 2 == pytest.approx(750, abs=20)
    covered = region["width"] * region["height"] / pixels[..., 0].size
    assert 0.7 * covered < one["share"] <= covered + 0.01


def test_regions_are_the_boxes_of_predict_to_the_pixel(
    start, exported, spotted, draw_scene, tmp_path, monkeypatch
):
    photograph = tmp_path / "photographs" / "large.jpg"
    photograph.parent.mkdir()
    photograph.write_bytes(encoded(draw_scene(1, 901, 1203), "JPEG"))  # both decode it smaller
    answering, network = spotted(0.0001), load(exported.onnx)
    monkeypatch.setattr(network, "look", lambda images, explain: answering.look(images))
    settings = PredictionSettings(explain=True, threshold=0.0001)
    predict_files(network, [photograph.parent], tmp_path / "out", settings)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    client = start(answering=answering)
    for explain in (0, 1):
        [one] = ask(client, photograph.read_bytes(), explain=explain)
        names = ("left", "top", "width", "height")
        boxes = [[region[name] for name in names] for region in one["regions"]]
        assert boxes == json.loads(row["boxes"]) != []


def test_nothing_is_drawn_where_no_corrosion_is_detected(start, photographs, spotted):
    [one] = ask(start(answering=spotted(0.9999)), photographs[0])
    assert one["decision"] == "no corrosion"
    assert one["regions"] == []
    assert one["share"] == 0


def test_overlays_are_given_where_they_are_asked_for(start, photographs, spotted, exported):
    import base64

    client = start(answering=spotted(0.0001))
    form = sent(photographs[3])
    [plain] = client.post("/predict", files=form).json()["results"]
    [drawn] = client.post("/predict?explain=1", files=form).json()["results"]
    assert plain["overlay"] is None
    pictures = []
    for name in ("preview", "overlay"):
        head, _, data = drawn[name].partition(",")
        assert head == "data:image/jpeg;base64"
        pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 20
    without = open_network(exported.onnx, ServeSettings(no_regions=True))
    [left_out] = ask(start(answering=without, no_regions=True), photographs[3], explain=1)
    assert left_out["regions"] is left_out["share"] is left_out["overlay"] is None


def test_a_photograph_may_be_the_body(start, photographs):
    response = start().post(
        "/predict?name=a/b.jpg", content=photographs[0], headers={"Content-Type": "image/png"}
    )
    assert response.status_code == 200
    assert response.json()["results"][0]["file"] == "b.jpg"


def test_of_several_files_a_bad_one_says_why(start, photographs):
    response = start().post("/predict", files=sent(photographs[0], b"no image", photographs[1]))
    assert response.status_code == 200
    assert [one["status"] for one in response.json()["results"]] == [200, 422, 200]
    assert response.json()["results"][1]["error"] == "no image of a known kind"


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 422, "the file is empty"),
        (b"no image at all", 422, "no image of a known kind"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), 422, "damaged"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", 415, "HEIC photograph: convert it to JPEG"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", 415, "video: not read"),
    ],
)
def test_what_is_no_photograph_is_refused_with_the_reason(start, content, status, said):
    response = start().post("/predict", files=sent(content))
    assert response.status_code == status
    assert said in response.json()["error"]


def test_too_many_pixels_are_refused_before_they_are_decoded(start, monkeypatch):
    monkeypatch.setattr("corrosion.data.image_reader.read_image", lambda *_: pytest.fail("decoded"))
    content = encoded(np.zeros((1001, 1000, 3), dtype=np.uint8))
    response = start(max_megapixels=1).post("/predict", files=sent(content))
    assert response.status_code == 413
    assert "1000 x 1001 pixels, of 1 million" in response.json()["error"]


def test_too_many_bytes_are_refused_whether_they_are_announced_or_not(start):
    client = start(max_mb=1)
    for content in (bytes(1_100_000), (bytes(100_000) for _ in range(11))):
        response = client.post("/predict", content=content, headers={"Content-Type": "image/jpeg"})
        assert response.status_code == 413
        assert "larger than 1 MB" in response.json()["error"]
    form = client.post("/predict", files=sent(*[bytes(300_000)] * 4))
    assert form.status_code == 413


def test_too_many_files_are_refused(start):
    response = start(max_files=2).post("/predict", files=sent(b"a", b"b", b"c"))
    assert response.status_code == 413
    assert "Send 2 at the most" in response.json()["error"]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, b"a", 415),
        ({}, b"a", 415),
        ({"Content-Type": "multipart/form-data"}, b"a", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"a", 400),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--\r\n", 422),
        ({"Content-Type": "multipart/form-data; boundary=x; charset=idna"},
         b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n--x--\r\n', None),
        ({"Content-Type": "multipart/form-data; boundary=x"},
         b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n", 400),
    ],
)  # fmt: skip
def test_forms_that_are_none_are_refused(start, headers, content, status):
    response = start().post("/predict", content=content, headers=headers)
    assert 400 <= response.status_code < 500
    assert status in (None, response.status_code)
    assert response.json()["error"]


def test_a_parameter_that_means_nothing_is_refused(start, photographs):
    response = start().post("/predict?explain=maybe", files=sent(photographs[0]))
    assert response.status_code == 422
    assert response.json()["error"].startswith("explain: ")


def test_no_file_touches_the_disk(start, monkeypatch, photographs):
    import tempfile

    monkeypatch.setattr(
        tempfile.SpooledTemporaryFile, "rollover", lambda _: pytest.fail("written to the disk")
    )
    large = encoded(np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8))
    assert len(large) > 2**21
    assert start().post("/predict", files=sent(large)).status_code == 200


def test_a_full_queue_says_when_to_come_back_and_loses_nothing(start, network, photographs):
    busy, go_on = threading.Event(), threading.Event()

    def slow(images):
        busy.set()
        assert go_on.wait(60)
        return network.look(images)

    client = start(answering=replace(network, look=slow), max_queue=2)
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(client.post, "/predict", files=sent(photographs[0])) for _ in "ab"]
        assert busy.wait(60)
        while "corrosion_waiting 2.0" not in client.get("/metrics").text:
            pass
        refused = client.post("/predict", files=sent(photographs[1]))
        go_on.set()
        answered = [one.result().status_code for one in first]
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert answered == [200, 200]
    assert client.post("/predict", files=sent(photographs[1])).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up_and_frees_its_place(start, network, photographs):
    go_on = threading.Event()

    def slow(images):
        go_on.wait(60)
        return network.look(images)

    client = start(answering=replace(network, look=slow), max_queue=1, timeout=0.2)
    response = client.post("/predict", files=sent(photographs[0]))
    assert response.status_code == 504
    go_on.set()
    assert client.post("/predict", files=sent(photographs[0])).status_code in (200, 504)
    assert "corrosion_waiting 0.0" in client.get("/metrics").text


def test_a_network_that_always_fails_is_no_fault_of_the_photograph(start, network, photographs):
    def damaged(images):
        raise CorrosionError("The network gives NaN: its weights are damaged.")

    client = start(answering=replace(network, look=damaged))
    response = client.post("/predict", files=sent(photographs[0]))
    assert response.status_code == 503
    assert "gives NaN" in response.json()["error"]


def test_a_photograph_that_the_network_fails_for_spoils_no_other(start, network, photographs):
    def picky(images):
        return [
            Output(replace(one, square=None, error="the network: odd"))
            if one.path == "odd.png"
            else said
            for one, said in zip(images, network.look(images), strict=True)
        ]

    client = start(answering=replace(network, look=picky))
    names = ["odd.png", "even.png"]
    response = client.post("/predict", files=sent(*photographs[:2], names=names))
    assert [one["status"] for one in response.json()["results"]] == [422, 200]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../etc/passwd", "passwd"), ("C:\\photos\\a.jpg", "a.jpg"), ("", "photograph")],
)
def test_a_name_is_no_path(start, photographs, name, shown):
    body = (
        (f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n').encode()
        + photographs[0]
        + b"\r\n--x--\r\n"
    )
    response = start().post(
        "/predict", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert response.json()["results"][0]["file"] == shown
