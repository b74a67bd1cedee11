"""`corrosion predict --tiles` through its command, on tiny photographs."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from samples import calibration, write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import content_hash, read_image
from corrosion.evaluation.decisions import Rule
from corrosion.explanation.explaining import explain_inputs
from corrosion.explanation.overlay import write_image
from corrosion.explanation.rust_mask import rust_evidence
from corrosion.explanation.rust_score import CUT
from corrosion.models.checkpoint import store_choices
from corrosion.prediction.tile_summary import warning_of_tiles
from corrosion.prediction.tile_threshold import GivenThreshold
from corrosion.prediction.tile_validation import choose_threshold, find_validation
from corrosion.prediction.tiled import MAP_SIDE, TileViewer, calibrated, tile_logits, tile_mask
from corrosion.prediction.tiles import TileRule, Tiling


def photograph(path, seed, size=(100, 130)):
    """A plate of 100 x 130 px: six tiles of 64 px."""
    generator = np.random.default_rng(seed)
    pixels = np.clip(generator.normal((130, 120, 110), 40, (*size, 3)), 0, 255)
    pixels[20:50, 20:60] = (135, 70, 40)
    write_image(path, pixels.astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose network never saw anything, and whose 20 validation photographs are there."""
    folder = tmp_path_factory.mktemp("run")
    write_checkpoint(folder / "checkpoints/best.ckpt", resize="crop", threshold=0.9)
    thresholds = {"in use": 0.9, "recall at least 0.98": 0.3}
    chosen = calibration(thresholds=thresholds, band=(0.9, 0.9))
    store_choices(folder / "checkpoints/best.ckpt", chosen)
    rows = [
        (str(photograph(folder / f"val/{number}.png", number)), number % 2, "val")
        for number in range(40)
    ]
    table = pd.DataFrame(rows, columns=["path", "label", "split"])
    table = table.assign(source="photos", group=range(40), content_hash="")
    table.to_csv(folder / "split.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def network(run):
    return corrosion.load_model(run)


@pytest.fixture
def photos(tmp_path):
    """A photograph of six tiles, and one that fits into one."""
    photograph(tmp_path / "photos/large.png", 100)
    photograph(tmp_path / "photos/small.png", 101, size=(60, 64))
    return tmp_path / "photos"


def predict(*arguments):
    return main(["predict", *map(str, arguments), "--device=cpu"])


def rows_of(out):
    return pd.read_csv(out / "predictions.csv").to_dict("records")


def test_the_highest_tile_decides_and_small_photographs_are_predicted_as_ever(
    run, photos, tmp_path, capsys
):
    assert predict(run, photos, "--out", tmp_path / "whole") == 0
    assert predict(run, photos, "--out", tmp_path / "tiles", "--tiles") == 0
    _, small_whole = rows_of(tmp_path / "whole")
    large_whole = rows_of(tmp_path / "whole")[0]
    large, small = rows_of(tmp_path / "tiles")
    assert {name: small[name] for name in ("probability", "decision")} == {
        name: small_whole[name] for name in ("probability", "decision")
    }
    assert pd.isna(small["tiles"])
    network = corrosion.load_model(run)
    image = read_image(photos / "large.png")
    grid = Tiling(64).grid(*image.shape[:2])
    found = calibrated(network, tile_logits(network, image, grid, 4))
    assert large["tiles"] == 6
    assert large["probability"] == pytest.approx(found.max(), abs=1e-6)
    assert large["whole_probability"] == pytest.approx(large_whole["probability"], abs=1e-6)
    assert large["corroded_tiles"] == (found >= large["tile_threshold"]).sum()
    assert large["tile_threshold_basis"] == "photographs"
    worst = grid.windows[found.argmax()]
    assert json.loads(large["worst_tile"]) == [worst.left, worst.top, 64, 64]
    assert (large["decision"] == "corrosion detected") == (large["corroded_tiles"] > 0)
    told = json.loads((tmp_path / "tiles/run.json").read_text(encoding="utf-8"))
    assert told["asked"]["tiles"]["size"] == 64
    assert told["tiles"]["sound_photographs"] == 20
    assert told["tiles"]["sound_tiles"] == 120
    [used] = told["tiles"]["thresholds"]
    assert used["threshold"] == pytest.approx(large["tile_threshold"], abs=1e-8)
    assert (used["tiles"], used["basis"], used["photographs"]) == (6, "photographs", 1)
    page = (tmp_path / "tiles/inspection.html").read_text(encoding="utf-8")
    assert "decided by their tiles (one corroded tile" in page
    assert "0 failed" in capsys.readouterr().out


def test_the_threshold_is_that_of_the_runs_sound_validation_photographs(run):
    network, rule, tiling = corrosion.load_model(run), TileRule("kth", k=2), Tiling(64)
    chosen = choose_threshold(
        network,
        find_validation(run / "checkpoints/best.ckpt", None),
        tiling=tiling,
        rule=rule,
        false_alarms=0.1,
    )
    scores = []
    for number in range(0, 40, 2):
        image = read_image(run / f"val/{number}.png")
        found = tile_logits(network, image, tiling.grid(*image.shape[:2]), 32)
        scores.append(rule.score(calibrated(network, found)))
    assert np.mean(np.array(scores) >= chosen.thresholds.at(6).value) == 1 / 20  # 2 of 21 with it
    assert chosen.facts["corroded_photographs_in_tiles"] == 20


def test_more_tiles_than_validation_has_are_told_as_a_guess(run, tmp_path, caplog):
    photograph(tmp_path / "huge.png", 1, size=(640, 640))
    assert predict(run, tmp_path / "huge.png", "--out", tmp_path / "out", "--tiles") == 0
    [row] = rows_of(tmp_path / "out")
    assert row["tiles"] == 169
    assert row["tile_threshold_basis"] == "beyond validation"
    assert "up to 169 tiles the threshold lies beyond all sound" in caplog.text
    page = (tmp_path / "out/inspection.html").read_text(encoding="utf-8")
    assert "it is a guess" in page


def test_a_folder_of_ones_own_is_chosen_on(run, photos, tmp_path, caplog):
    for number in range(12):
        photograph(tmp_path / f"mine/clean/{number}.png", 200 + number)
    photograph(tmp_path / "mine/rust/0.png", 300)
    out, mine = tmp_path / "out", tmp_path / "mine"
    assert predict(run, photos, "--out", out, "--tiles", "--tile-validation", mine) == 0
    told = json.loads((out / "run.json").read_text(encoding="utf-8"))["tiles"]
    assert told["validation"] == str(mine)
    assert (told["sound_photographs"], told["corroded_photographs_in_tiles"]) == (12, 1)


def test_what_the_whole_view_detects_stays_detected_and_is_outlined(run, photos, tmp_path):
    sure = tmp_path / "sure"  # everything is corroded to its eyes
    write_checkpoint(sure / "checkpoints/best.ckpt", resize="crop", threshold=1e-6)
    (sure / "split.csv").write_bytes((run / "split.csv").read_bytes())
    out = tmp_path / "out"
    assert predict(sure, photos / "large.png", "--out", out, "--tiles", "--masks") == 0
    [row] = rows_of(out)
    assert row["corroded_tiles"] == 0
    assert row["probability"] < row["tile_threshold"]
    assert row["decision"] == "corrosion detected"
    network, image = corrosion.load_model(sure), read_image(photos / "large.png")
    grid = Tiling(64).grid(*image.shape[:2])
    expected = tile_mask(network, image, grid, np.ones(len(grid), dtype=bool))
    assert (read_image(out / row["mask"]).any(axis=2) == expected).all()


def test_overlay_boxes_and_mask_lie_over_the_photograph(run, photos, tmp_path):
    options = ("--tiles", "--explain", "--masks", "--threshold=0.000001")
    assert predict(run, photos, "--out", tmp_path / "out", *options) == 0
    large, small = rows_of(tmp_path / "out")
    assert large["tile_threshold_basis"] == "given"
    assert large["decision"] == "corrosion detected"
    outlines = sorted((tmp_path / "out").glob("outlines/*/*.jpg"))
    assert [read_image(path).shape[:2] for path in outlines] == [(100, 130), (60, 64)]
    for row, shape in ((large, (100, 130)), (small, (60, 64))):
        assert read_image(tmp_path / "out" / row["overlay"]).shape[:2] == shape
        mask = read_image(tmp_path / "out" / row["mask"]).any(axis=2)
        assert mask.shape == shape
        assert row["rusted_share"] == pytest.approx(mask.mean(), abs=1e-6)
        for left, top, width, height in json.loads(row["boxes"]):
            assert 0 <= left < left + width <= shape[1]
            assert 0 <= top < top + height <= shape[0]


def test_a_mask_in_tiles_is_empty_away_from_corroded_tiles_and_theirs_within(network):
    image = np.full((64, 160, 3), 120, dtype=np.uint8)
    image[20:40, 10:40] = image[20:40, 120:150] = (120, 50, 20)
    grid = Tiling(64, overlap=0.0).grid(64, 160)
    assert grid.lefts == (0, 48, 96)
    mask = tile_mask(network, image, grid, np.array([True, False, False]))
    assert not mask[:, 64:].any()
    alone = image[:, :64]
    expected = rust_evidence(network, alone).score(alone) > CUT
    assert (mask[:, :48] == expected[:, :48]).all()  # where no other tile has a say
    assert not tile_mask(network, image, grid, np.zeros(3, dtype=bool)).any()


def test_a_mask_of_rows_of_tiles_is_the_mean_of_their_scores(network):
    image = np.random.default_rng(0).integers(0, 256, (120, 90, 3), dtype=np.uint8)
    grid = Tiling(50, overlap=0.3).grid(120, 90)
    corroded = np.arange(len(grid)) % 3 != 0
    rows, columns = grid.blending(120, 90)
    total = np.zeros((120, 90))
    for number in np.flatnonzero(corroded):
        row, column = divmod(number, len(grid.lefts))
        window = grid.windows[number]
        tile = window.cut(image)
        part = np.outer(rows[row][1], columns[column][1])
        window.cut(total)[:] += rust_evidence(network, tile).score(tile) * part
    clear = np.abs(total - CUT) > 1e-5  # sums of float32 round differently
    found = tile_mask(network, image, grid, corroded)
    assert (found == (total > CUT))[clear].all()


def test_the_stitched_map_is_that_of_each_tile_in_one_unit(network):
    image = np.random.default_rng(0).integers(0, 256, (64, 192, 3), dtype=np.uint8)
    image[:, 64:128] = 90
    tiling = Tiling(64, overlap=0.0)
    tiles = [image[:, left : left + 64] for left in (0, 64, 128)]
    batch = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2)
    found = explain_inputs(network, batch)
    viewer = TileViewer(tiling, TileRule(), GivenThreshold(0.5), Rule(0.5, None))
    view = viewer.look(network, image, whole_probability=0.1, explained=found[0])
    strongest = max(one.raw_scale for one in found if not one.empty)
    assert view.explanation.raw_scale == strongest
    for number, one in enumerate(found):
        part = view.explanation.map[:, 64 * number : 64 * number + 64]
        expected = (
            np.zeros((2, 2)) if one.empty else one.map[:: len(one.map) - 1, :: len(one.map) - 1]
        )
        corners = part[::63, ::63]  # beyond the centres of the last cells a map is even
        np.testing.assert_allclose(corners, expected * one.raw_scale / strongest, atol=1e-3)
    assert view.probability == pytest.approx(max(one.probability for one in found), abs=1e-5)


def test_the_stitched_map_of_a_large_photograph_is_bounded(network):
    image = np.random.default_rng(0).integers(0, 256, (80, 5000, 3), dtype=np.uint8)
    [whole] = explain_inputs(network, torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    viewer = TileViewer(Tiling(1000), TileRule(), GivenThreshold(0.5), Rule(0.5, None))
    view = viewer.look(network, image, whole_probability=0.1, explained=whole)
    assert view.facts.tiles > 60  # squares of its shorter side
    assert view.explanation.map.shape == (33, MAP_SIDE)
    assert 0 <= view.explanation.map.min() <= view.explanation.map.max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tile-size=64",), "--tile-size says how tiles are judged: give --tiles too"),
        (("--tiles", "--tile-size=8"), "--tile-size=8: give a whole number from 32"),
        (("--tiles", "--tile-overlap=0.9"), "--tile-overlap=0.9: give a number from 0 to 0.75"),
        (("--tiles", "--tile-rule=mean"), "--tile-rule=mean: give max, kth or share"),
        (("--tiles", "--tile-k=5"), "--tile-k is of --tile-rule=kth"),
        (("--tiles", "--tile-rule=kth", "--tile-share=0.1"), "--tile-share is of"),
        (("--tiles", "--threshold=recall"), "--threshold=recall was chosen for whole photographs"),
        (("--tiles", "--explain", "--map=fine"), "--map=fine looks at whole photographs"),
        (("--tiles", "--threshold=0.5", "--tile-validation=mine"), "leave out --tile-validation"),
        (("--tiles", "--tile-validation=nowhere"), "nowhere is missing"),
        (("--tiles", "--tile-false-alarms=1"), "--tile-false-alarms=1.0: give a share above 0"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    run, photos, tmp_path, capsys, options, message
):
    assert predict(run, photos, "--out", tmp_path / "out", *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_alone_has_nothing_to_choose_on(run, photos, tmp_path, capsys):
    alone = tmp_path / "alone.ckpt"
    alone.write_bytes((run / "checkpoints/best.ckpt").read_bytes())
    assert predict(alone, photos, "--out", tmp_path / "out", "--tiles") == 1
    told = capsys.readouterr().err
    assert "lies in no run's directory" in told
    assert "--tile-validation" in told
    assert "a threshold of your own as a number" in told
    assert not (tmp_path / "out").exists()
    assert predict(alone, photos, "--out", tmp_path / "out", "--tiles", "--threshold=0.9") == 0


def test_validation_photographs_that_are_gone_are_told(run, photos, tmp_path, capsys, caplog):
    moved = tmp_path / "moved"
    (moved / "checkpoints").mkdir(parents=True)
    (moved / "checkpoints/best.ckpt").write_bytes((run / "checkpoints/best.ckpt").read_bytes())
    split = pd.read_csv(run / "split.csv")
    split.loc[:5, "path"] = [f"/gone/{number}.png" for number in range(6)]
    split.to_csv(moved / "split.csv", index=False)
    found = find_validation(moved / "checkpoints/best.ckpt", None)
    assert len(found.records) == 34
    assert "6 of 40 validation photographs" in caplog.text
    split["path"] = "/gone" + split["path"]
    split.to_csv(moved / "split.csv", index=False)
    assert predict(moved, photos, "--out", tmp_path / "out", "--tiles") == 1
    assert "40 of 40 validation photographs" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_too_few_sound_photographs_of_ones_own_are_refused(run, photos, tmp_path, capsys):
    for name in ("rust", "clean"):
        photograph(tmp_path / f"mine/{name}/0.png", 1)
    options = ("--tiles", "--tile-validation", tmp_path / "mine")
    assert predict(run, photos, "--out", tmp_path / "out", *options) == 1
    assert "1 sound validation photographs are too few" in capsys.readouterr().err


def test_photographs_that_were_trained_on_are_told(run, tmp_path, caplog):
    for number in range(12):
        photograph(tmp_path / f"mine/clean/{number}.png", 200 + number)
    photograph(tmp_path / "mine/rust/0.png", 300)
    known = content_hash((tmp_path / "mine/clean/0.png").read_bytes())
    validation = find_validation(run / "checkpoints/best.ckpt", tmp_path / "mine")
    choose_threshold(
        corrosion.load_model(run),
        replace(validation, trained_on=frozenset({known})),
        tiling=Tiling(64),
        rule=TileRule(),
        false_alarms=0.05,
    )
    assert "1 of the photographs" in caplog.text


def test_a_run_goes_on_with_the_same_tiles_only(run, photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(run, photos, "--out", out, "--tiles", "--tile-rule=kth") == 0
    assert predict(run, photos, "--out", out, "--tiles", "--tile-rule=kth", "--resume") == 0
    assert predict(run, photos, "--out", out, "--resume") == 1
    assert "other settings (tiles" in capsys.readouterr().err


def test_parquet_holds_what_tiles_say(run, photos, tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "out"
    options = ("--tiles", "--threshold=0.9", "--format=parquet")
    assert predict(run, photos, "--out", out, *options) == 0
    large, small = pd.read_parquet(out / "predictions.parquet").to_dict("records")
    assert large["tile_threshold"] == 0.9
    assert list(large["worst_tile"][2:]) == [64, 64]
    assert small["worst_tile"] is None


@pytest.mark.parametrize(("threshold", "blind"), [(0.9, False), (0.9999999, True)])
def test_a_threshold_that_no_tile_reaches_is_told_as_such(threshold, blind):
    entry = {
        "tiles": 50,
        "threshold": threshold,
        "basis": "beyond validation",
        "photographs": 3,
    }
    assert ("small rust in them is missed" in warning_of_tiles([entry])) == blind
