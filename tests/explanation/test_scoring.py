import json
import math

import numpy as np
import pytest
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.data.images import read_image
from corrosion.data.sample import make_sample
from corrosion.explanation.baselines import BASELINES
from corrosion.explanation.ground_truth import find_annotated
from corrosion.explanation.localisation import energy_inside
from corrosion.explanation.photographs import explain_photographs
from corrosion.explanation.rust_mask import rust_evidence
from corrosion.explanation.scoring import score_maps
from corrosion.models.checkpoint import load_model
from corrosion.settings.explanation import MapScoreSettings


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    paths = []
    for seed, run in enumerate(("first", "second")):
        paths.append(tmp_path_factory.mktemp(run) / run / "checkpoints" / "best.ckpt")
        write_checkpoint(paths[-1], seed=seed)
    return paths


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("data") / "sample", count=8, size=48, workers=1)


def test_each_map_is_judged_by_the_mask_of_its_photograph(checkpoints, sample):
    scores = score_maps(checkpoints[:1], sample)
    annotated = find_annotated(sample)
    assert scores.count == len(annotated) == 4
    assert list(scores.means["first"]) == ["gradcam", *BASELINES]
    paths = [one.path for one in annotated]
    photographs = explain_photographs(load_model(checkpoints[0]), paths)
    expected = [
        energy_inside(photograph.explanation.map, one.mask())
        for photograph, one in zip(photographs, annotated, strict=True)
    ]
    own = scores.photographs[scores.photographs["map"] == "gradcam"]
    np.testing.assert_allclose(own["energy"], expected)
    assert math.isclose(scores.means["first"]["gradcam"]["energy"].value, np.mean(expected))


def test_the_command_ranks_networks_and_writes_json(checkpoints, sample, tmp_path, capsys):
    out = tmp_path / "out"
    first, second = map(str, checkpoints)
    command = ["explain-score", first, str(sample), "--compare", second]
    assert main([*command, "--out", str(out), "--count", "3"]) == 0
    printed = capsys.readouterr().out
    assert "first: gradcam on 3 photographs" in printed
    assert "Ranked by pixel AP: " in printed
    written = json.loads((out / "scores.json").read_text())
    assert sorted(written["ranking"]["iou"]) == ["first", "second"]
    assert len(written["values"]) == 3 * 2 * (1 + len(BASELINES))
    assert main([*command, "--out", str(out), "--count", "2"]) == 1
    assert "choose another --out" in capsys.readouterr().err
    out = tmp_path / "other"
    assert main([*command, "--out", str(out), "--count", "2", "--faithfulness"]) == 0
    printed = capsys.readouterr().out
    assert "ROAD" in printed
    assert "…" not in printed
    written = json.loads((out / "scores.json").read_text())
    assert written["photographs"] == 2
    deletion = {
        name: maps["gradcam"]["deletion"]["value"] for name, maps in written["means"].items()
    }
    assert written["ranking"]["deletion"] == sorted(deletion, key=deletion.__getitem__)
    assert {row["randomisation"] for row in written["values"] if row["map"] == "edges"} == {1}


def test_the_command_leaves_other_folders_alone(checkpoints, sample, capsys):
    command = ["explain-score", str(checkpoints[0]), str(sample), "--out", str(sample)]
    assert main(command) == 1
    assert "is there already: choose another --out" in capsys.readouterr().err


def test_scores_of_masks_are_judged_beside_plain_maps(checkpoints, sample, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["explain-score", str(checkpoints[0]), str(sample), "--out", str(out), "--count=2"]
    assert main([*command, "--map=mask"]) == 0
    assert "first: rust mask on 2 photographs" in capsys.readouterr().out
    written = json.loads((out / "scores.json").read_text())
    assert list(written["means"]["first"]) == ["rust mask", "gradcam", *BASELINES]
    network = load_model(checkpoints[0])
    expected = []
    for one in find_annotated(sample, count=2):
        image = read_image(one.path)
        expected.append(energy_inside(rust_evidence(network, image).score(image), one.mask()))
    judged = [row["energy"] for row in written["values"] if row["map"] == "rust mask"]
    np.testing.assert_allclose(judged, expected)
    assert main([*command, "--map=mask", "--faithfulness"]) == 1
    assert "--faithfulness judges explanations" in capsys.readouterr().err


def test_fine_maps_are_judged_beside_plain_ones(checkpoints, sample, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["explain-score", str(checkpoints[0]), str(sample), "--out", str(out), "--count=2"]
    assert main([*command, "--map=fine", "--faithfulness"]) == 0
    assert "first: fine gradcam on 2 photographs" in capsys.readouterr().out
    written = json.loads((out / "scores.json").read_text())
    assert list(written["means"]["first"]) == ["fine gradcam", "gradcam", *BASELINES]
    assert "gradcam" in {test["b"] for test in written["tests"] if test["a"] == "fine gradcam"}
    plain = score_maps(checkpoints[:1], sample, MapScoreSettings(count=2)).photographs
    own = [row["iou"] for row in written["values"] if row["map"] == "gradcam"]
    np.testing.assert_allclose(plain[plain["map"] == "gradcam"]["iou"], own)
    paths = [one.path for one in find_annotated(sample, count=2)]
    fine = explain_photographs(load_model(checkpoints[0]), paths, fine=True)
    expected = [
        energy_inside(photograph.explanation.map, one.mask())
        for photograph, one in zip(fine, find_annotated(sample, count=2), strict=True)
    ]
    judged = [row["energy"] for row in written["values"] if row["map"] == "fine gradcam"]
    np.testing.assert_allclose(judged, expected)
