import logging
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import content_hash
from corrosion.data.sources import scan
from corrosion.models.classifier import CorrosionClassifier


@pytest.fixture(autouse=True)
def _here(cache, photos, monkeypatch):
    monkeypatch.chdir(photos.parent)


@pytest.fixture
def run(photos):
    """A run that was trained on photograph 4, which has been moved away since."""
    path = photos.parent / "run"
    write_checkpoint(path / "checkpoints" / "best.ckpt", epoch=1, image_size=32)
    trained = photos / "4.png"
    pd.DataFrame(
        {
            "path": ["/elsewhere/4.png"],
            "label": 1,
            "split": "train",
            "content_hash": content_hash(trained.read_bytes()),
        }
    ).to_csv(path / "split.csv", index=False)
    return path


def test_what_to_label_next_comes_into_a_folder_to_sort(run, photos, capsys):
    before = {path: path.read_bytes() for path in photos.iterdir()}
    assert main(["next", "run", "photos", "--count", "3"]) == 0
    out = Path("next-photos")
    table = pd.read_csv(out / "next.csv")
    assert table["rank"].tolist() == [1, 2, 3]
    assert "photos/4.png" not in table["path"].tolist()
    for file, path in zip(table["file"], table["path"], strict=True):
        assert (out / "to-sort" / file).read_bytes() == Path(path).read_bytes()
    assert [list((out / name).iterdir()) for name in ("corrosion", "no_corrosion")] == [[], []]
    assert {path: path.read_bytes() for path in photos.iterdir()} == before
    said = capsys.readouterr().out
    assert "3 of 6 photographs chosen. Passed over: 1 labelled already" in said
    page = (out / "contact-sheet.html").read_text()
    assert page.count("<img src=") == 3
    assert page.index(table["file"][0]) < page.index(table["file"][2])


def test_probabilities_are_those_of_the_run(run):
    assert main(["next", "run", "photos", "--count", "5"]) == 0
    table = pd.read_csv("next-photos/next.csv")
    found = corrosion.predict(corrosion.load_model(run), table["path"].tolist())
    np.testing.assert_allclose([one.probability for one in found], table["probability"], atol=1e-5)


def test_what_was_sorted_is_what_a_training_reads(run):
    assert main(["next", "run", "photos", "--count", "4"]) == 0
    out = Path("next-photos")
    for number, path in enumerate(sorted((out / "to-sort").iterdir())):
        path.rename(out / ("corrosion", "no_corrosion")[number % 2] / path.name)
    assert sorted(scan(out, name="next")["label"]) == [0, 0, 1, 1]


def test_the_first_photographs_are_chosen_before_there_is_a_run(monkeypatch, capsys):
    torch.manual_seed(0)
    tiny = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=32).eval()
    monkeypatch.setattr("corrosion.selection.choose_next.imagenet_network", lambda device: tiny)
    assert main(["next", "imagenet", "photos", "--count", "2", "--out", "first"]) == 0
    table = pd.read_csv("first/next.csv")
    assert len(table) == 2
    assert table["probability"].isna().all()
    assert table["why"].str.contains("the middle of a group of|the only one of its group").all()
    assert "corrosion train --data first experiment=probe\n" in capsys.readouterr().out


def test_a_checkpoint_away_from_its_run_has_nothing_to_pass_over(run):
    (run / "checkpoints" / "best.ckpt").rename("moved.ckpt")
    assert main(["next", "moved.ckpt", "photos", "--count", "6"]) == 0
    assert len(pd.read_csv("next-photos/next.csv")) == 6


def test_the_training_that_follows_is_told_with_all_folders(run, capsys):
    (run / "config.yaml").write_text("data: {source: folder, root: [ships, my bridges]}")
    (run / ".hydra").mkdir()
    (run / ".hydra" / "overrides.yaml").write_text(
        "[data=folder, 'data.root=[ships,my bridges]', experiment=probe, seed=3, hydra.run.dir=x]"
    )
    assert main(["next", "run", "photos", "--count", "1"]) == 0
    assert (
        "corrosion train --data ships --data 'my bridges' --data next-photos experiment=probe "
        "seed=3 data.split_file=run/split.csv\n"
    ) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folds", "kept"),
    [("null", ""), ("5", ""), ("source", "data.folds=source data.fold=1 ")],
)
def test_the_training_that_follows_is_tested_on_the_same_photographs(run, capsys, folds, kept):
    (run / "config.yaml").write_text(f"data: {{source: folder, root: ships, folds: {folds}}}")
    (run / ".hydra").mkdir()
    (run / ".hydra" / "overrides.yaml").write_text(
        f"[data.folds={folds}, data.fold=1, data.split_file=old.csv]"
    )
    assert main(["next", "run", "photos", "--count", "1"]) == 0
    command = f"corrosion train --data ships --data next-photos {kept}data.split_file=run/split.csv"
    assert f"{command}\n" in capsys.readouterr().out


def test_the_path_of_a_split_file_is_quoted_where_it_must_be(run, capsys):
    run.rename("my run")
    Path("my run/config.yaml").write_text("data: {source: folder, root: ships}")
    assert main(["next", "my run", "photos", "--count", "1"]) == 0
    said = capsys.readouterr().out
    given = shlex.split(next(line for line in said.splitlines() if line.startswith("corrosion ")))
    assert given[-1] == 'data.split_file="my run/split.csv"'


def test_files_of_one_name_from_two_folders_both_arrive(run, photos, drawn):
    other = photos.parent / "other"
    other.mkdir()
    drawn(77).save(other / "0.png")
    assert main(["next", "run", "photos/0.png", "other", "--count", "2"]) == 0
    arrived = sorted(path.name for path in Path("next-0/to-sort").iterdir())
    assert arrived == ["1-0.png", "2-0.png"]


def test_the_longest_names_still_fit_with_the_rank_before_them(run, photos):
    (photos / "0.png").rename(photos / f"{'a' * 250}.png")
    assert main(["next", "run", "photos", "--count", "5"]) == 0
    assert len(list(Path("next-photos/to-sort").glob("*.png"))) == 5


def test_all_are_taken_where_there_are_fewer_than_asked_for(run, caplog):
    with caplog.at_level(logging.WARNING):
        assert main(["next", "run", "photos"]) == 0
    assert "count=20: there are only 5, all are taken" in caplog.text
    assert len(list(Path("next-photos/to-sort").iterdir())) == 5


def test_it_is_said_when_everything_is_labelled(run, capsys):
    assert main(["next", "run", "photos/4.png"]) == 1
    assert "nothing left to choose: all 1 photographs are labelled" in capsys.readouterr().err
    assert not Path("next-4").exists()


def test_an_earlier_choice_is_never_overwritten(run, capsys):
    assert main(["next", "run", "photos", "--count", "1"]) == 0
    assert main(["next", "run", "photos", "--count", "1"]) == 1
    assert "next-photos is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos", "photos"], "before there is a run, are chosen by corrosion next imagenet"),
        (["run"], "No photographs are named. Give corrosion next RUN PHOTOS"),
        (["run", "none"], "There is no none"),
        (["run", "."], "; --recursive searches its subfolders too."),
        (["run", "photos", "--count", "0"], "--count=0: give a whole number from 1 to 1,000,000."),
    ],
)
def test_what_is_missing_is_said_with_the_way_out(run, capsys, arguments, said):
    assert main(["next", *arguments]) == 1
    assert said in capsys.readouterr().err
