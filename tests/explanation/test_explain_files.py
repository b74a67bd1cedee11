import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.explanation.explain_files import explain_files
from corrosion.settings.explanation import ExplanationSettings


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The checkpoints of two runs."""
    folder = tmp_path_factory.mktemp("runs")
    paths = []
    for seed, run in enumerate(("09-00_first", "10-00_second")):
        paths.append(folder / run / "checkpoints" / "best.ckpt")
        write_checkpoint(paths[-1], seed=seed)
    return paths


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name, size in (("a.jpg", (80, 120)), ("b.png", (200, 90)), ("more/a.png", (64, 64))):
        small = Image.fromarray(generator.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        small.resize(size[::-1]).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_several_networks_are_compared_in_pictures_a_grid_and_a_table(
    checkpoints, photographs, tmp_path
):
    out = tmp_path / "out"
    images = [photographs, photographs / "more" / "a.png"]
    table = explain_files(checkpoints, images, out, ExplanationSettings(coco=True, batch_size=2))
    runs = ("09-00_first", "10-00_second")
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    names = ("a-2.png", "a.png", "b.png", "regions.json")
    assert files == sorted(
        ["explanations.csv", "grid-01.png", *(f"{run}/{name}" for run in runs for name in names)]
    )
    assert table["network"].tolist() == list(runs) * 3
    assert table["path"].map(lambda path: path.removeprefix(f"{photographs}/")).tolist() == [
        "a.jpg", "a.jpg", "b.png", "b.png", "more/a.png", "more/a.png"
    ]  # fmt: skip
    read = pd.read_csv(out / "explanations.csv")
    assert read.pop("error").isna().all()
    pd.testing.assert_frame_equal(read, table.drop(columns="error"), check_exact=False)
    assert table["area_share"].between(0, 1).all()
    for run in runs:
        coco = json.loads((out / run / "regions.json").read_text())
        assert [image["width"] for image in coco["images"]] == [120, 90, 64]
        own = table[table["network"] == run]
        assert len(coco["annotations"]) == own["regions"].sum()
    with Image.open(out / "09-00_first" / "a.png") as picture:
        assert picture.width > 3 * 120


def test_the_table_says_what_the_network_says(checkpoints, photographs, tmp_path):
    table = explain_files(checkpoints[:1], [photographs / "more"], tmp_path / "out")
    model = corrosion.load_model(checkpoints[0])
    pixels = np.asarray(Image.open(photographs / "more" / "a.png").convert("RGB")).copy()
    [row] = table.to_dict("records")
    assert row["probability"] == pytest.approx(
        model.predict_proba(torch.from_numpy(pixels).permute(2, 0, 1)[None]).item()
    )
    detected = row["probability"] >= 0.5
    assert row["decision"] == ("corrosion detected" if detected else "no corrosion")
    assert not (tmp_path / "out" / "grid-01.png").exists()


def test_long_comparisons_go_on_in_a_further_grid(checkpoints, photographs, tmp_path):
    for number in range(10):
        shutil.copy(photographs / "more" / "a.png", photographs / "more" / f"{number}.png")
    explain_files(checkpoints, [photographs / "more"], tmp_path / "out")
    first, second = (Image.open(tmp_path / "out" / f"grid-0{page}.png") for page in (1, 2))
    assert first.height > 5 * second.height


def test_fine_maps_are_written_in_16_bits_beside_the_pictures(checkpoints, photographs, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned
    with Image.open(photographs / "a.jpg") as image:
        image.save(photographs / "a.jpg", exif=exif)
    out = tmp_path / "out"
    table = explain_files(checkpoints[:1], [photographs], out, ExplanationSettings(map="fine"))
    assert table["map"].tolist() == ["09-00_first/maps/a.png", "09-00_first/maps/b.png"]
    [one, _] = corrosion.explain(
        corrosion.load_model(checkpoints[0]), [photographs / "a.jpg", photographs / "b.png"],
        fine=True,
    )  # fmt: skip
    with Image.open(out / table["map"][0]) as written:
        assert written.mode == "I;16"
        assert written.size == (80, 120)  # upright
        levels = np.asarray(written)
    np.testing.assert_allclose(levels / 65535, one.map, atol=1e-5)
    plain = explain_files(checkpoints[:1], [photographs], tmp_path / "plain")
    assert "map" not in plain
    np.testing.assert_array_equal(plain["probability"], table["probability"])


def test_what_is_there_is_not_overwritten(checkpoints, photographs, tmp_path):
    (tmp_path / "out").mkdir()
    explain_files(checkpoints[:1], [photographs / "more"], tmp_path / "out")
    before = (tmp_path / "out" / "explanations.csv").read_bytes()
    with pytest.raises(CorrosionError, match=r"out=.*out: there is something already: give a new"):
        explain_files(checkpoints[:1], [photographs], tmp_path / "out")
    assert (tmp_path / "out" / "explanations.csv").read_bytes() == before


def test_bad_files_are_found_before_anything_is_written(checkpoints, photographs, tmp_path):
    (photographs / "broken.jpg").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(CorrosionError, match=r"broken\.jpg"):
        explain_files(checkpoints, [photographs / "broken.jpg"], tmp_path / "out")
    (photographs / "empty").mkdir()
    with pytest.raises(CorrosionError, match="empty holds no image files"):
        explain_files(checkpoints, [photographs / "empty"], tmp_path / "out")
    with pytest.raises(CorrosionError, match=r"no\.ckpt"):
        explain_files([tmp_path / "no.ckpt"], [photographs / "a.jpg"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("named", [False, True])
def test_a_bad_file_has_rows_with_the_reason(checkpoints, photographs, tmp_path, named):
    bad = photographs / "broken.jpg"
    bad.write_bytes(b"\xff\xd8 broken")
    given = [photographs / "a.jpg", bad, photographs / "b.png"] if named else [photographs]
    table = explain_files(checkpoints, given, tmp_path / "out")
    names = [path.rsplit("/", 1)[1] for path in table["path"]]
    expected = ["a.jpg", "broken.jpg", "b.png"] if named else ["a.jpg", "b.png", "broken.jpg"]
    assert names == [name for name in expected for _ in checkpoints]
    failed = table["path"].str.endswith("broken.jpg")
    assert (table["error"] == "no image of a known kind").tolist() == failed.tolist()
    assert table["probability"].isna().tolist() == failed.tolist()
    assert (tmp_path / "out" / "grid-01.png").is_file()


@pytest.mark.parametrize(
    "bad", [{"method": "cam"}, {"target": " "}, {"colormap": "hot"}, {"regions": "2"}]
)
def test_settings_are_checked_when_made(bad):
    [name] = bad
    with pytest.raises(CorrosionError, match=f"{name}={bad[name]}: "):
        ExplanationSettings(**bad)


def test_the_command_explains_and_says_where(checkpoints, photographs, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--method=layercam", "--target=none", "--colormap=jet", "--regions=0.5"]
    runs = [str(path.parents[1]) for path in checkpoints]  # stand for their best checkpoints
    arguments = [runs[0], str(photographs), "--compare", runs[1]]
    assert main(["explain", *arguments, "--out", str(out), *options]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    table = pd.read_csv(out / "explanations.csv")
    assert set(table["target"]) == {"no_corrosion"}
    assert table["regions"].notna().all()
    assert main(["explain", *arguments, "--out", str(out)]) == 1
    assert "choose another --out" in capsys.readouterr().err
