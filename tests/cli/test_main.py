"""What the `corrosion` command says of itself, and which mistakes it refuses how soon."""

import errno
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from finished_runs import write_run
from samples import calibration, write_checkpoint

import corrosion
from corrosion.cli import info
from corrosion.cli.command import Command
from corrosion.cli.main import main
from corrosion.evaluation.competence import Competence
from corrosion.models.checkpoint import store_choices
from corrosion.system.locks import sole_writer

ROOT = Path(__file__).parents[2]


def described(capsys, *arguments):
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("audit", {"near-duplicates": "10", "out": "audit"}),
        ("sample", {"count": "600", "size": "256", "seed": "0"}),
        ("evaluate", {"max-risk": "0.01", "min-recall": "0.98", "level": "0.95"}),
        ("compare", {"level": "0.95", "device": "auto"}),
        ("explain", {"method": "gradcam", "colormap": "inferno", "regions": "none"}),
        ("predict", {"every": "1.0", "batch-size": "32", "device": "auto"}),
        ("change", {"pair-by": "auto", "metres": "10.0"}),
        (
            "next",
            {"count": "20", "near-duplicates": "10", "num-workers": "auto"},
        ),
    ],
)
def test_the_help_of_a_command_shows_what_options_are_by_default(capsys, command, options):
    text = described(capsys, command).split("options:")[1]
    parts = dict(re.findall(r"--([a-z-]+)(.*?)(?= --[a-z]|$)", text))
    for name, default in options.items():
        assert f"by default {default}" in parts[name]
    assert "False" not in text
    assert "None" not in text


@pytest.mark.parametrize("command", ["predict", "explain", "explain-score", "evaluate"])
def test_commands_that_read_files_take_the_same_options(capsys, command):
    text = described(capsys, command)
    for option in ("--device DEVICE", "--batch-size N", "--num-workers N", "--out OUT"):
        assert option in text
    assert text.index("CHECKPOINT") < text.index("PATH")


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"corrosion {version('corrosion')}\n"
    assert corrosion.__version__ == version("corrosion")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("predct", "did you mean corrosion predict?"),
        ("train.py", "did you mean corrosion train?"),
        ("model=resnet50", "corrosion train model=resnet50."),
        ("xyz", "choose train, evaluate"),
    ],
)
def test_a_mistyped_command_gets_one_sentence(capsys, typed, advice):
    assert main([typed]) == 2
    said = capsys.readouterr().err
    assert advice in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["explain", "--checkpoints", "a", "b", "--images", "c"], "CHECKPOINT PATH... --compare"),
        (["explain", "a", "--images", "c"], "--images is gone: "),
        (["explain-score", "a", "b", "--data", "c"], "explain-score CHECKPOINT PATH --compare"),
        (["evaluate", "a", "--data", "c"], "corrosion evaluate CHECKPOINT PATH"),
    ],
)
def test_options_of_earlier_versions_are_refused_with_the_new_spelling(capsys, arguments, advice):
    assert main(arguments) == 1
    assert advice in capsys.readouterr().err


def test_info_says_what_an_interrupted_training_lacks_and_what_a_finished_one_has_seen(
    tmp_path, capsys
):
    path = tmp_path / "best.ckpt"
    write_checkpoint(path)
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "CAUTION            The checkpoint has no thresholds and no band" in said
    assert "python train.py resume=RUN" in said
    store_choices(path, calibration())
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "CAUTION" not in said  # of an earlier version
    assert re.search(
        "^decision +corrosion is detected from .*; an inspector decides from", said, re.M
    )
    known = Competence(0.55, 0.42, 0.67, 0.95, 60, "test", generated=True)
    store_choices(path, None, competence=known.plain())
    assert main(["info", str(path)]) == 0
    said = capsys.readouterr().out
    assert "CAUTION            The network can't be told from guessing: ROC-AUC 0.550" in said
    assert "CAUTION            The network was trained on generated pictures" in said


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--threshold=2", "--threshold=2.0: give a probability between 0 and 1"),
        ("--batch-size=0", "--batch-size=0: give a whole number from 1 to 65,536."),
        ("--batch-size=many", "--batch-size=many: give a whole number from 1 to 65,536."),
        ("--format=xls", "--format=xls: give csv or parquet."),
        ("--device=gpu", "--device=gpu: give auto, cpu, cuda, cuda:1 or mps."),
        ("--devices=0", "--devices=0: give -1 or a whole number from 1 to 1024."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_option(capsys, option, said):
    assert main(["predict", "best.ckpt", ".", option]) == 1
    assert said in capsys.readouterr().err


WRONG_PATHS = [
    (["info", "none.ckpt"], "There is no none.ckpt"),
    (["predict", "run", "photos"], "run holds no checkpoints/best.ckpt"),
    (["predict", "best.ckpt", "none"], "There is no none"),
    (["predict", "best.ckpt", "empty"], "empty holds no images or videos"),
    (["predict", "best.ckpt", "photos", "--out", "photos"], "choose another --out"),
    (["change", "best.ckpt", "photos", "none"], "There is no folder none"),
    (["change", "none.ckpt", "photos", "photos"], "There is no none.ckpt"),
    (["explain", "best.ckpt", "photos", "--compare", "none.ckpt"], "There is no none.ckpt"),
    (["explain", "best.ckpt", "none"], "There is no none"),
    (["explain-score", "best.ckpt", "none"], "There is no folder none"),
    (["evaluate", "best.ckpt", "none"], "There is no folder none"),
    (["evaluate", "none"], "There is no none"),
    (["compare", "none"], "There is no none"),
    (["report", "none"], "There is no none"),
    (["audit", "none"], "There is no folder none"),
    (["average", "done"], "done is one run: give two or more"),
    (["average", "done", "other"], "done holds no checkpoints/best.ckpt"),
    (["train-masks", "best.ckpt", "photos"], "photos holds neither masks/ nor boxes.csv"),
    (["train-masks", "best.ckpt", "photos", "--sound", "none"], "There is no folder none"),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What one process answers to every wrong path: what it says, its code, whether torch is in."""
    folder = tmp_path_factory.mktemp("wrong")
    for name in ("run", "photos", "empty", "done", "other"):
        (folder / name).mkdir()
    (folder / "best.ckpt").touch()
    for name in ("done", "other"):
        (folder / name / "predictions.csv").touch()
    (folder / "photos" / "a.jpg").touch()
    program = (
        "import contextlib, io, json, sys; from corrosion.cli.main import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    with contextlib.redirect_stderr(io.StringIO()) as said: code = main(arguments)\n"
        "    print(json.dumps([said.getvalue(), code, 'torch' in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps([arguments for arguments, _ in WRONG_PATHS])],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return list(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize("number", range(len(WRONG_PATHS)))
def test_wrong_paths_are_refused_before_torch_is_imported(answers, number):
    _, expected = WRONG_PATHS[number]
    said, code, torch_is_in = answers[number]
    assert (code, torch_is_in) == (1, False)
    assert expected in said
    assert said.count("\n") == 1


def test_results_have_a_place_by_default_that_is_not_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("best.ckpt").touch()
    Path("flight 3").mkdir()
    Path("flight 3", "a.jpg").touch()
    for command, place in (
        ("predict", "predictions-flight_3"),
        ("explain", "explanations-flight_3"),
        ("explain-score", "explain-score-flight_3"),
        ("evaluate", "evaluation-flight_3"),
    ):
        Path(place).mkdir()
        Path(place, "mine.txt").touch()
        assert main([command, "best.ckpt", "flight 3"]) == 1
        assert f"{place} is there already: choose another --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "photos"],
        ["change", "best.ckpt", "photos", "photos"],
        ["compare", "run"],
        ["evaluate", "best.ckpt", "photos"],
        ["explain", "best.ckpt", "photos"],
        ["explain-score", "best.ckpt", "photos"],
        ["labels", "run"],
        ["next", "best.ckpt", "photos"],
        ["train-masks", "best.ckpt", "photos"],
    ],
)
def test_two_commands_do_not_write_into_one_folder_at_a_time(
    tmp_path, monkeypatch, capsys, arguments
):
    monkeypatch.chdir(tmp_path)
    Path("best.ckpt").touch()
    for folder in ("photos", "run"):
        Path(folder).mkdir()
    with sole_writer(Path("out"), name="test"):
        assert main([*arguments, "--out", "out"]) == 1
    assert "--out=out: another process is writing there" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_a_run_that_is_being_evaluated_is_not_evaluated_beside(
    tmp_path, monkeypatch, capsys, command
):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "run")
    with sole_writer(Path("run"), name="test"):
        assert main([command, "run"]) == 1
    assert "RUN=run: another process is writing there" in capsys.readouterr().err


def test_a_disk_that_is_full_for_a_library_ends_in_one_line(monkeypatch, capsys):
    def write(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # no file is named

    monkeypatch.setitem(info.COMMANDS, "info", Command(info.COMMANDS["info"].add_arguments, write))
    assert main(["info", "best.ckpt"]) == 1
    assert capsys.readouterr().err == (
        "corrosion: A file can't be written: No space left on device. Make room, and give the "
        "command again.\n"
    )


def test_without_pytorch_a_checkpoint_is_told_to_need_the_whole(monkeypatch, capsys):
    def fail(_):
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    monkeypatch.setitem(info.COMMANDS, "info", Command(lambda _: None, fail))
    monkeypatch.setattr("corrosion.cli.main.find_spec", lambda _: None)
    assert main(["info"]) == 1
    said = capsys.readouterr().err
    assert "leaves out, first of all pandas: install the whole of corrosion" in said
