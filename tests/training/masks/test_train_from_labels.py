"""`corrosion train-masks` without masks, through its command, on tiny photographs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import read_image
from corrosion.explanation.overlay import write_image
from corrosion.explanation.rust_mask import JointRust, rust_evidence
from corrosion.models.checkpoint import describe

pytestmark = pytest.mark.usefixtures("cache")

SMALL = ("--crop=64", "--batch-size=4", "--device=cpu")


def make_run(root):
    """A run of twelve photographs: grey plates, half of them with a brown rectangle."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(12):
        image = generator.normal(125, 20, (72, 96, 1)) + generator.normal(0, 4, (72, 96, 3))
        if number % 2:
            top, left = generator.integers(0, 36, 2)
            place = np.s_[top : top + 30, left : left + 40]
            image[place] = generator.normal((135, 70, 40), 8, image[place].shape)
        path = root / f"photographs/{number}.png"
        write_image(path, np.clip(image, 0, 255).astype(np.uint8))
        rows.append((str(path), number % 2, "train" if number < 8 else "val"))
    folder = root / "run"
    (folder / "checkpoints").mkdir(parents=True)
    write_checkpoint(folder / "checkpoints" / "best.ckpt")
    table = pd.DataFrame(rows, columns=["path", "label", "split"])
    table.to_csv(folder / "split.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A folder with a run, and what its outlines have taught in masks/."""
    root = tmp_path_factory.mktemp("taught")
    # what it writes may stand before or behind
    given = ["train-masks", "--out", str(root / "masks"), str(make_run(root)), *SMALL]
    assert main(given) == 0
    return root


def test_the_checkpoint_has_what_outlines_have_taught_beside_the_classifier(taught):
    table = pd.read_csv(taught / "masks" / "masks_val.csv")
    assert list(table["label"]) == [1, 1, 0, 0]
    assert describe(taught / "masks")["mask_network"] == "learnt from labels"
    for folder, column in (("masks", "rusted_share"), ("run", "rusted_share_from_labels")):
        network = corrosion.load_model(taught / folder)
        for row in table.to_dict("records"):
            mask = corrosion.rust_mask(network, read_image(row["path"]))
            assert mask.mean() == pytest.approx(row[column])


def test_predict_uses_what_outlines_have_taught(taught, tmp_path):
    photographs = str(taught / "photographs")
    given = ["predict", str(taught / "masks"), photographs, "--masks", "--out", str(tmp_path / "x")]
    assert main([*given, "--device=cpu", "--threshold=1e-6"]) == 0
    network = corrosion.load_model(taught / "masks")
    for row in pd.read_csv(tmp_path / "x" / "predictions.csv").to_dict("records"):
        mask = read_image(tmp_path / "x" / row["mask"]).any(axis=2)
        assert (mask == corrosion.rust_mask(network, read_image(row["path"]))).all()
        # as without a mask network, the interval is that of photographs of others
        assert row["rusted_share_high"] < 1


def test_it_calls_as_much_rust_as_the_outlines_do(taught):
    network = corrosion.load_model(taught / "masks")
    found = []
    for number in (1, 3, 5, 7):
        image = read_image(taught / f"photographs/{number}.png")
        evidence = rust_evidence(network, image)
        assert isinstance(evidence, JointRust)
        found.append((evidence.seen.mask(image).mean(), evidence.learnt.mask(image).mean()))
    outlined, learnt = np.mean(found, axis=0)
    assert learnt == pytest.approx(outlined, abs=0.05)
    assert outlined > 0.05


def test_the_same_seed_learns_the_same_from_labels_and_says_how_much_is_rust(
    taught, tmp_path, capsys
):
    out = tmp_path / "again"
    assert main(["train-masks", str(taught / "run"), "--out", str(out), *SMALL]) == 0
    table = pd.read_csv(out / "masks_val.csv")
    told = capsys.readouterr().out
    assert f"2 corroded ones {table['rusted_share'][:2].mean():.3f}" in told
    assert f"corrosion predict {out} PHOTOS --masks" in told
    assert table.equals(pd.read_csv(taught / "masks" / "masks_val.csv"))
    states = [
        corrosion.load_model(folder).mask_network.state_dict() for folder in (out, taught / "masks")
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_what_can_not_be_learnt_is_told_before_anything_is_made(tmp_path, capsys):
    run = make_run(tmp_path)
    alone = tmp_path / "alone.ckpt"
    write_checkpoint(alone)
    out = tmp_path / "out"
    for arguments, told in (
        ([str(run), "--epochs=3"], "--epochs: without a FOLDER"),
        ([str(run), "--masks-only", "--sound=x"], "--masks-only, --sound: without a FOLDER"),
        ([str(alone)], "takes the run's split.csv"),
    ):
        assert main(["train-masks", "--out", str(out), *arguments]) == 1
        assert told in capsys.readouterr().err
        assert not out.exists()
    for number in (1, 3, 5, 7):
        Path(tmp_path / f"photographs/{number}.png").unlink()
    assert main(["train-masks", "--out", str(out), str(run)]) == 1
    assert "where its photographs are" in capsys.readouterr().err
