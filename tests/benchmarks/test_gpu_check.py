"""The pieces of the GPU check, on the CPU with a tiny network."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from gpu_check import Check, checks, run, table, throughput
from gpu_inference import maps_under_autocast, predict
from gpu_throughput import measure
from gpu_trainings import (
    ddp_of_one,
    resume_in_mixed_precision,
    settings_for,
    two_at_once,
)

from corrosion.data.prepare import prepare_records
from corrosion.settings.data import DataSettings

pytestmark = pytest.mark.usefixtures("blank_figures")
CPU = torch.device("cpu")
TINY = "test_resnet.r160_in1k"
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROSION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def records(_cache):
    data = DataSettings(source="sample", count=24, size=64, image_size=32)
    return prepare_records(data).records


@pytest.fixture(scope="module")
def settings(_cache):
    return settings_for(
        CPU, f"model.backbone={TINY}", "model.weights=null", "model.dense_units=8",
        "data.count=24", "data.size=64", "data.image_size=32", "data.batch_size=8",
        "trainer.max_epochs=2", "augment=none",
    )  # fmt: skip


def test_both_loops_are_measured_and_their_ratio_told(records):
    found = measure(TINY, CPU, records, batch_size=4, image_size=32, seconds=0.2)
    assert found["ours_over_bare"] == pytest.approx(
        found["images_per_second"] / found["bare_images_per_second"]
    )
    assert 0 < found["images_per_second"] < 1e6
    assert 0 < found["waiting_for_data"] < 1
    assert found["peak_memory_gib"] is None


def test_a_network_too_large_for_the_memory_is_told_without_failing(records, monkeypatch):
    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr("gpu_check.measure", full)
    assert throughput(TINY, CPU, records) == {"out_of_memory": True}


def test_maps_under_autocast_are_those_of_float32(records):
    found = maps_under_autocast(TINY, CPU, records, image_size=32, images=2)
    assert found == {"map_difference": 0, "difference_from_cpu": 0}


def test_the_command_predicts_alike_on_both_devices(records, tmp_path):
    found = predict(TINY, CPU, records.head(4), tmp_path / "new", 32)
    assert found["probability_difference"] == 0
    assert found["images_per_second"] > 0


def test_a_training_that_was_interrupted_ends_as_the_other(settings, tmp_path):
    found = resume_in_mixed_precision(settings, tmp_path)
    assert found["val_loss_difference"] == found["largest_weight_difference"] == 0
    assert found["last_loss_scale"] is None  # bfloat16 needs none
    history = (tmp_path / "parted" / "history.csv").read_text().splitlines()
    assert len(history) == 3


def test_two_trainings_at_once_do_as_one_alone(settings, tmp_path):
    found = two_at_once(settings, tmp_path)
    assert found["objective_difference"] == 0
    assert found["seconds_alone"] > 0


def test_ddp_of_one_process_trains_as_without(settings, tmp_path):
    found = ddp_of_one(settings, tmp_path)
    assert found["backend"] == "gloo"
    assert found["objective_difference"] < 1e-4


def test_pieces_that_fail_or_exceed_a_limit_are_marked_and_the_others_go_on():
    def fail():
        raise ValueError("no such kernel")

    outcomes = list(
        run(
            [
                Check("fails", fail, {"difference": 1}),
                Check("exceeds", lambda: {"difference": 2.0}, {"difference": 1}),
                Check("undefined", lambda: {"difference": float("nan")}, {"difference": 1}),
                Check("passes", lambda: {"difference": 1.0, "backend": "nccl"}, {"difference": 1}),
            ]
        )
    )
    assert [one.passed for one in outcomes] == [False, False, False, True]
    rows = table(outcomes, "a GPU").rows
    assert rows[0][1:3] == ("ValueError: no such kernel", "NO")
    assert rows[3][1:3] == ("difference 1, backend nccl", "yes")


def test_every_network_is_measured_at_every_batch_size(tmp_path):
    pieces = checks(
        CPU, tmp_path, seconds=1, networks=("a", "b"), batch_sizes=(2, 4), image_size=32, count=24
    )
    names = [piece.name for piece in pieces]
    assert names[:4] == [f"throughput {one}, batch {size}" for one in "ab" for size in (2, 4)]
    assert {name.split()[0] for name in names} == {
        "throughput", "maps", "predict", "resume", "two", "ddp",
    }  # fmt: skip


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_ends_well(tmp_path, monkeypatch, capsys):
    program = str(BENCHMARKS / "gpu_check.py")
    monkeypatch.setattr(sys, "argv", [program, "--out", str(tmp_path / "out.json")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(program, run_name="__main__")
    assert not end.value.code
    assert "no GPU" in capsys.readouterr().out


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_on_a_gpu_a_piece_writes_its_figures(tmp_path):
    out = tmp_path / "out.json"
    subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu_check.py"), "--only", "maps", "--out", str(out)],
        check=True,
    )
    assert all(one["passed"] for one in json.loads(out.read_text())["checks"])
