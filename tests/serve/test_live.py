"""The live page: the newest frame of a looping video, and its alarms."""

import csv
import time
from dataclasses import replace

import cv2
import pytest
from browser import needs_chromium, visit
from fastapi.testclient import TestClient
from services import served, wait_for

from corrosion.cli.main import main
from corrosion.serve.app import build_app
from corrosion.serve.network import open_network
from corrosion.settings.live import LiveSettings
from corrosion.settings.serve import ServeSettings


@pytest.fixture
def video(tmp_path, draw_scene):
    path = tmp_path / "flight.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20, (320, 240))
    for seed in range(3):
        writer.write(cv2.cvtColor(draw_scene(seed), cv2.COLOR_RGB2BGR))
    writer.release()
    return str(path)


def test_the_newest_frame_is_told_and_alarms_are_written(exported, video, tmp_path):
    settings = ServeSettings(threshold=0.001)
    live = LiveSettings(camera=video, loop=True, alarm_frames=2, alarms=tmp_path / "alarms")
    network = replace(open_network(exported.onnx, settings), cautions=("It guesses.",))
    app = build_app(network, settings, live=live)
    with TestClient(app, base_url="http://localhost") as client:
        seen, states = 0, []
        deadline = time.monotonic() + 60
        while len(states) < 3 and time.monotonic() < deadline:
            state = client.get(f"/live/state?after={seen}").json()
            if state["number"] > seen:
                states.append(state)
                seen = state["number"]
        last = states[-1]
        assert last["cautions"] == ["It guesses."]
        assert last["connected"]
        assert last["source"] == "flight.avi"
        assert 0 <= last["probability"] <= 1
        assert last["preview"].startswith("data:image/jpeg;base64,")
        assert last["overlay"] != last["preview"]
        while not (state := client.get("/live/state").json())["alarms"]:
            assert time.monotonic() < deadline
        assert state["alarm"]
    with (tmp_path / "alarms" / "alarms.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (tmp_path / "alarms" / row["snapshot"]).is_file()
    assert state["alarms"][0]["snapshot"] == row["snapshot"]


def test_without_a_camera_there_is_no_live_page(start):
    assert start().get("/live").status_code == 404


@needs_chromium
def test_the_live_page_follows_the_frames(network, video):
    token = "0123456789abcdef"
    live = LiveSettings(camera=video, loop=True)
    with served(network, token, live=live) as address, visit(f"{address}/live", width=400) as page:
        wait_for(page, "!document.querySelector('#unlock').hidden")
        page.press(*token, "Enter")
        wait_for(page, "document.querySelector('#overlay').src.startsWith('data:image/jpeg')")
        first = page.evaluate("seen")
        wait_for(page, f"seen > {first} && document.querySelector('#rate').textContent > '0.0'")
        assert "flight.avi" in page.evaluate("document.querySelector('#source').textContent")
        looked = page.look()
    assert looked.overflow == 0
    assert [one for one in looked.errors if "401" not in one] == []


def test_predict_looks_at_a_camera_too_until_it_ends(exported, video, tmp_path, capsys):
    folder = tmp_path / "alarms"
    arguments = ["--camera", video, "--alarms", str(folder), "--alarm-frames=1"]
    assert main(["predict", str(exported.onnx), *arguments, "--threshold=0.001"]) == 0
    said = capsys.readouterr().out
    assert "flight.avi: " in said
    assert "corrosion detected" in said
    assert said.endswith("frames were looked at, 1 alarms raised\n")
    assert len((folder / "alarms.csv").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos", "--camera", "0"], "--camera is looked at live, without photos"),
        (["--camera", "0", "--masks"], "without --masks: leave it out"),
        (["--camera", "0", "--out", "out"], "without --out"),
        (["--camera", "gone.mp4"], "gone.mp4: No such file"),
        (["photos", "--alarms", "out"], "--alarms is of what is looked at live: give --camera too"),
    ],
)
def test_what_means_nothing_live_is_refused(exported, arguments, said, capsys):
    assert main(["predict", str(exported.onnx), *arguments]) == 1
    assert said in capsys.readouterr().err
