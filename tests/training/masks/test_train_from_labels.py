"""`corrosion train-masks` without masks, through its command, on tiny photographs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import read_image
from corrosion.explanation.overlay import write_image
from corrosion.explanation.rust_mask import OutlinedRust, learnt_probability, rust_evidence
from corrosion.models.checkpoint import describe

pytestmark = pytest.mark.usefixtures("cache")

SMALL = ("--crop=64", "--batch-size=4", "--device=cpu")


@pytest.fixture
def run(tmp_path):
    """A run of twelve photographs: grey plates, half of them with a brown rectangle."""
    generator = np.random.default_rng(0)
    rows = []
    for number in range(12):
        image = generator.normal(125, 20, (72, 96, 1)) + generator.normal(0, 4, (72, 96, 3))
        if number % 2:
            top, left = generator.integers(0, 36, 2)
            place = np.s_[top : top + 30, left : left + 40]
            image[place] = generator.normal((135, 70, 40), 8, image[place].shape)
        path = tmp_path / f"photographs/{number}.png"
        write_image(path, np.clip(image, 0, 255).astype(np.uint8))
        rows.append((str(path), number % 2, "train" if number < 8 else "val"))
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    write_checkpoint(folder / "checkpoints" / "best.ckpt")
    table = pd.DataFrame(rows, columns=["path", "label", "split"])
    table.to_csv(folder / "split.csv", index=False)
    return folder


def outlines(network, paths):
    """Shares of rust by the network's own outlines, and by what has learnt from them."""
    found = []
    for path in paths:
        image = read_image(path)
        evidence = rust_evidence(network, image)
        assert isinstance(evidence, OutlinedRust)
        found.append((evidence.seen.mask(image).mean(), evidence.learnt.mask(image).mean()))
    return np.mean(found, axis=0)


def test_outlines_of_labels_are_learnt_and_predict_uses_them(run, tmp_path, capsys):
    out, predicted = tmp_path / "out", tmp_path / "predicted"
    # what it writes may stand before or behind
    assert main(["train-masks", "--out", str(out), str(run), *SMALL]) == 0
    told = capsys.readouterr().out
    table = pd.read_csv(out / "masks_val.csv")
    assert list(table["label"]) == [1, 1, 0, 0]
    assert f"2 corroded ones: {table['rusted_share'][:2].mean():.3f}" in told
    assert f"corrosion predict {out} PHOTOS --masks" in told
    assert describe(out)["mask_network"] == "learnt from labels, 0 validation photographs"
    network = corrosion.load_model(out)
    for row in table.to_dict("records"):
        mask = corrosion.rust_mask(network, read_image(row["path"]))
        assert mask.mean() == pytest.approx(row["rusted_share"])
    before = corrosion.load_model(run)
    for row in table.to_dict("records"):
        mask = corrosion.rust_mask(before, read_image(row["path"]))
        assert mask.mean() == pytest.approx(row["rusted_share_from_labels"])

    given = ["predict", str(out), str(tmp_path / "photographs"), "--masks", "--out", str(predicted)]
    assert main([*given, "--device=cpu", "--threshold=1e-6"]) == 0
    for row in pd.read_csv(predicted / "predictions.csv").to_dict("records"):
        mask = read_image(predicted / row["mask"]).any(axis=2)
        assert (mask == corrosion.rust_mask(network, read_image(row["path"]))).all()
        # as without a mask network, the interval is that of photographs of others
        assert row["rusted_share_high"] < 1


def test_it_calls_as_much_rust_as_the_outlines_do(run, tmp_path):
    assert main(["train-masks", str(run), "--out", str(tmp_path / "out"), *SMALL]) == 0
    network = corrosion.load_model(tmp_path / "out")
    corroded = [tmp_path / f"photographs/{number}.png" for number in (1, 3, 5, 7)]
    outlined, learnt = outlines(network, corroded)
    assert learnt == pytest.approx(outlined, abs=0.05)
    assert outlined > 0.05


def test_the_same_seed_learns_the_same_from_labels(run, tmp_path):
    image = read_image(tmp_path / "photographs/1.png")
    maps = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        given = ["train-masks", str(run), "--out", str(tmp_path / name), f"--seed={seed}"]
        assert main([*given, *SMALL]) == 0
        masks = corrosion.load_model(tmp_path / name).mask_network
        maps.append(learnt_probability(masks, image))
    assert (maps[0] == maps[1]).all()
    assert (maps[0] != maps[2]).any()


def test_what_can_not_be_learnt_is_told_before_anything_is_made(run, tmp_path, capsys):
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
