"""Kinds of corrosion from labels to reports, and that the binary answer stays as it is."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

import corrosion
from corrosion.cli.main import main
from corrosion.command_check import settings_of
from corrosion.report.inspection import read_inspection
from corrosion.runs import RunDirectory
from corrosion.system.checksums import forget
from corrosion.training.update import updated_settings

TRAINED = ("model.lr=1e-3", "trainer.max_epochs=2", "model.warmup_epochs=0", "model.dropout=0.2")
PROBE = ("experiment=probe",)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CORROSION_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_photos):
    root = tmp_path_factory.mktemp("photos")
    (root / "rusty").mkdir()
    colours = {
        "rusty/Pitting": (190, 60, 30),
        "rusty/uniform": (110, 90, 20),
        "clean": (120, 125, 130),
    }
    draw_photos(root, colours, count=20, noise=15)
    return root


def settings(photos, *overrides):
    return settings_of(
        [
            "data=folder", f"data.root={photos}", "model.weights=null", "data.image_size=32",
            "model.backbone=test_resnet.r160_in1k", "model.dense_units=8", "data.num_workers=0",
            "trainer=cpu", "trainer.progress_bar=false", "data.batch_size=8",
            "model.from_random=null", "data.split=[0.5,0.2,0.3]", "explain.images=0", *overrides,
        ]
    )  # fmt: skip


@pytest.fixture(scope="module", params=[TRAINED, PROBE], ids=["trained", "probe"])
def runs(request, photos, tmp_path_factory):
    """A run without kinds, and one with them, else alike."""
    folder = tmp_path_factory.mktemp("runs")
    for name, kinds in (("without", "null"), ("with", "subfolders")):
        own = settings(photos, *request.param, f"data.kinds={kinds}")
        corrosion.train(own, folder / name)
    return folder / "without", folder / "with"


def content(run):
    return torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)


def test_the_binary_answer_is_the_same_to_the_last_bit(runs):
    without, with_kinds = map(content, runs)
    assert without["state_dict"].keys() == with_kinds["state_dict"].keys()
    for name, weight in without["state_dict"].items():
        assert torch.equal(weight, with_kinds["state_dict"][name]), name
    assert without["calibration"] == with_kinds["calibration"]
    for name in ("predictions.csv", "predictions_val.csv", "evaluation.json"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()


def test_a_run_without_kinds_is_as_it_was_before_there_were_any(runs):
    assert "kinds" not in content(runs[0])
    assert not list(runs[0].glob("*kinds*"))
    assert "Kinds of corrosion" not in (runs[0] / "report.html").read_text()


def test_kinds_are_learnt_tested_and_reported(runs):
    run = runs[1]
    found = json.loads((run / "kinds.json").read_text())
    assert found["names"] == ["pitting", "uniform"]
    assert sum(found["photographs"]["pitting"].values()) == 20
    assert found["test"]["accuracy"]["value"] == 1.0
    table = pd.read_csv(run / "predictions_kinds.csv")
    assert (table["kind"] == table["path"].str.extract(r"rusty/(\w+)/")[0].str.lower()).all()
    matrix = pd.read_csv(run / "kinds_confusion.csv", index_col=0)
    assert matrix.to_numpy().sum() == found["test"]["images"] == len(table)
    assert table["kind_probability"].between(0.5, 1).all()
    # an earlier version called the column otherwise
    text = (run / "predictions_kinds.csv").read_text()
    forget(run / "predictions_kinds.csv")
    (run / "predictions_kinds.csv").write_text(text.replace("kind_probability", "probability", 1))
    page = (run / "report.html").read_text()
    assert "Kinds of corrosion" in page
    (run / "report.html").unlink()
    assert main(["report", str(run)]) == 0
    assert "Confusion matrix of the kinds" in (run / "report.html").read_text()


def test_a_comparison_has_the_kinds_of_each_run(runs, tmp_path, capsys):
    assert main(["compare", *map(str, runs), "--out", str(tmp_path)]) == 0
    assert "recall of pitting" in capsys.readouterr().out
    models = json.loads((tmp_path / "compare.json").read_text())["models"]
    kinds = [run["kinds"] for model in models.values() for run in model["of_runs"]]
    assert [one and one["accuracy"]["value"] for one in kinds] == [None, 1.0]
    page = (tmp_path / "compare.html").read_text()
    assert "Kinds of corrosion, with 95% intervals" in page
    assert "recall of uniform" in page


def test_an_updated_run_learns_the_kinds_anew(runs, tmp_path, draw_photos, capsys):
    judged = tmp_path / "judged"
    (judged / "corrosion").mkdir(parents=True)
    draw_photos(
        judged,
        {"corrosion/pitting": (200, 70, 35), "no_corrosion": (90, 95, 100)},
        count=2,
        noise=15,
        size=(43, 41),  # other noise than that of the photographs
    )
    out = tmp_path / "better"
    command = ["update", str(runs[1]), "--verdicts", str(judged), "--epochs=1", f"--out={out}"]
    assert main(command) == 0
    before, after = (json.loads((one / "kinds.json").read_text()) for one in (runs[1], out))
    assert after["names"] == ["pitting", "uniform"]
    learnt = [one["photographs"]["pitting"]["train"] for one in (before, after)]
    assert learnt[1] - learnt[0] == 2  # the inspector's
    assert corrosion.load_model(out).kinds == ("pitting", "uniform")
    said = capsys.readouterr().out
    assert "recall of pitting" in said
    assert "kinds told rightly" in " ".join(said.split())


def test_predictions_and_reports_name_the_kind_where_corrosion_is_detected(runs, photos, tmp_path):
    chosen = [str(path) for name in ("rusty/Pitting", "clean") for path in
              sorted((photos / name).iterdir())[:3]]  # fmt: skip
    out = tmp_path / "out"
    reports = "--report=html,geojson,coco"
    assert main(["predict", str(runs[1]), *chosen, "--out", str(out), reports, "--explain"]) == 0
    table = pd.read_csv(out / "predictions.csv")
    detected = table["decision"] == "corrosion detected"
    assert table["kind"].notna().tolist() == detected.tolist()
    assert table.loc[detected, "kind_probability"].between(0.5, 1).all()
    network = corrosion.load_model(runs[1])
    for one, row in zip(corrosion.predict(network, chosen), table.itertuples(), strict=True):
        assert one.kind == (None if pd.isna(row.kind) else row.kind)
        if one.kind is not None:
            assert one.kind_probability == pytest.approx(row.kind_probability, abs=1e-4)
    findings = read_inspection(out).findings
    assert [one.kind for one in findings] == [
        None if pd.isna(one) else one for one in table["kind"]
    ]
    features = json.loads((out / "findings.geojson").read_text())["without_position"]
    assert [one.get("kind") for one in features] == [one.kind for one in findings]
    told = [one for one in findings if one.kind]
    page = (out / "inspection.html").read_text()
    assert all(f'"kind":"{one.kind} (' in page for one in told)
    plain = tmp_path / "plain"
    assert main(["predict", str(runs[0]), *chosen, "--out", str(plain)]) == 0
    assert "kind" not in pd.read_csv(plain / "predictions.csv")


def test_an_update_takes_the_kinds_of_verdicts_beside_files_of_kinds(runs, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(runs[1], run)
    config = (run / "config.yaml").read_text()
    forget(run / "config.yaml")
    (run / "config.yaml").write_text(config.replace("kinds: subfolders", "kinds: kinds.csv"))
    judged = [tmp_path / name for name in ("first", "without", "third")]
    for folder in (judged[0], judged[2]):
        folder.mkdir()
        (folder / "kinds.csv").write_text("path,kind\ncorrosion/pitting/a.jpg,pitting\n")
    files = (Path("kinds.csv"), judged[0] / "kinds.csv", judged[2] / "kinds.csv")
    assert updated_settings(RunDirectory(run), judged).data.kinds == files
    assert updated_settings(RunDirectory(runs[1]), judged).data.kinds == "subfolders"
