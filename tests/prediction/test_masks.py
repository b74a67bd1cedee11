"""`corrosion predict --masks` through its command, on tiny photographs."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import read_image
from corrosion.explanation.grades import grade
from corrosion.explanation.overlay import write_image
from corrosion.explanation.rust_mask import rust_mask


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    write_checkpoint(path, resize="crop")
    return path


@pytest.fixture
def marked(tmp_path):
    """Ten plates with a rusty half, and their masks."""
    for number in range(10):
        image = np.full((60, 90, 3), (125, 130, 128), dtype=np.uint8)
        mask = np.zeros_like(image)
        image[:, : 20 + 4 * number] = (135, 70, 40)
        mask[:, : 20 + 4 * number] = 255
        write_image(tmp_path / f"marked/images/{number}.png", image)
        write_image(tmp_path / f"marked/masks/{number}.png", mask)
    return tmp_path / "marked"


def predict(checkpoint, *arguments, threshold=1e-6):
    """Everything is corroded to the eyes of an untrained network, with this threshold."""
    return main(
        ["predict", str(checkpoint), *map(str, arguments), "--masks", "--device=cpu",
         f"--threshold={threshold}"]
    )  # fmt: skip


def test_masks_lie_over_the_photographs_and_shares_are_theirs(checkpoint, marked, tmp_path):
    out = tmp_path / "out"
    assert predict(checkpoint, marked / "images", "--out", out) == 0
    network = corrosion.load_model(checkpoint)
    table = pd.read_csv(out / "predictions.csv")
    for row in table.to_dict("records"):
        mask = cv2.imread(str(out / row["mask"]), cv2.IMREAD_UNCHANGED)
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 255}
        image = read_image(row["path"])
        assert ((mask == 255) == rust_mask(network, image)).all()
        assert row["rusted_share"] == pytest.approx((mask == 255).mean(), abs=1e-6)
        assert row["rusted_share_low"] <= row["rusted_share"] <= row["rusted_share_high"]
        assert row["surface"] == "whole photograph"
        ends = row["rusted_share_low"], row["rusted_share_high"]
        assert row["grade_iso4628_3"] == grade("iso4628_3", *ends)
        assert row["grade_astm_d610"] == grade("astm_d610", *ends)
    assert table["rusted_share"].max() > 0.1
    assert [file.name for file in sorted((out / "masks").iterdir())] == [
        f"{number}.png" for number in range(10)
    ]
    page = (out / "inspection.html").read_text(encoding="utf-8")
    assert page.count('"share":') == page.count('"rust":') == 10
    [layer] = out.glob("thumbnails/*/*_9_rust.webp")
    with Image.open(layer) as opened:
        assert opened.mode == "RGBA"
        assert opened.size == (90, 60)
        assert np.asarray(opened)[..., 3].any()
    assert "may not hold for yours" in page
    assert "not how much of the section is lost" in page


def test_without_corrosion_the_mask_is_empty(checkpoint, marked, tmp_path):
    out = tmp_path / "out"
    assert predict(checkpoint, marked / "images/9.png", "--out", out, threshold=1 - 1e-6) == 0
    [row] = pd.read_csv(out / "predictions.csv").to_dict("records")
    assert row["decision"] == "no corrosion"
    assert row["rusted_share"] == 0
    assert not read_image(out / row["mask"]).any()
    assert read_image(out / row["mask"]).shape[:2] == (60, 90)


def test_shares_refer_to_the_surface_that_is_marked(checkpoint, marked, tmp_path):
    surface = np.zeros((60, 90, 3), dtype=np.uint8)
    surface[:, 20:40] = 255
    write_image(tmp_path / "surface/9.png", surface)
    write_image(tmp_path / "surface/8.png", surface[:30])
    out = tmp_path / "out"
    photos = [marked / f"images/{number}.png" for number in (7, 8, 9)]
    assert predict(checkpoint, *photos, "--out", out, "--surface", tmp_path / "surface") == 3
    whole, other_size, part = pd.read_csv(out / "predictions.csv").to_dict("records")
    assert whole["surface"] == "whole photograph"
    assert "60 pixels" in other_size["error"] or "90 x 60" in other_size["error"]
    assert part["surface"].endswith("surface/9.png")
    mask = read_image(out / part["mask"]).any(axis=2)
    assert part["rusted_share"] == pytest.approx(mask[:, 20:40].mean(), abs=1e-6)


def test_intervals_come_from_photographs_of_ones_own(checkpoint, marked, tmp_path):
    out = tmp_path / "out"
    assert predict(checkpoint, marked / "images", "--out", out, "--share-truth", marked) == 0
    table = pd.read_csv(out / "predictions.csv")
    true = [(20 + 4 * number) / 90 for number in range(10)]
    covered = (table["rusted_share_low"] <= true) & (true <= table["rusted_share_high"])
    assert covered.mean() >= 0.9  # of these very photographs, within rounding
    assert "10 of yours" in (out / "inspection.html").read_text(encoding="utf-8")
    asked = json.loads((out / "run.json").read_text(encoding="utf-8"))["asked"]
    assert asked["masks"] == {"surface": None, "share_truth": str(marked)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--surface", "nowhere", "--masks"), "surface=nowhere"),
        (("--share-truth", "nowhere", "--masks"), "nowhere is no folder"),
        (("--share-truth", "nowhere"), "--share-truth says how masks are measured"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    checkpoint, marked, tmp_path, capsys, options, message
):
    out = tmp_path / "out"
    command = ["predict", str(checkpoint), str(marked / "images"), "--out", str(out), *options]
    assert main(command) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_run_without_masks_does_not_become_one_with_masks(checkpoint, marked, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["predict", str(checkpoint), str(marked / "images"), "--out", str(out)]
    assert main(command) == 0
    assert "mask" not in pd.read_csv(out / "predictions.csv")
    assert not (out / "masks").exists()
    assert main([*command, "--masks", "--resume"]) == 1
    assert "other settings (masks not asked for; now masks asked for" in capsys.readouterr().err
