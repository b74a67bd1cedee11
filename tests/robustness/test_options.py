"""No option of a command is taken silently or ends in a traceback, whatever is given for it."""

import argparse
import re
from pathlib import Path

import pytest

from corrosion.cli import main as command_line
from corrosion.cli.main import main

POSITIONAL = {
    "average": ["run"],
    "audit": ["photos"],
    "change": ["best.ckpt", "photos", "photos"],
    "compare": ["run"],
    "evaluate": ["best.ckpt", "photos"],
    "explain": ["best.ckpt", "photos"],
    "explain-score": ["best.ckpt", "photos"],
    "export": ["best.ckpt"],
    "info": ["best.ckpt"],
    "inspection-report": ["run"],
    "labels": ["run"],
    "next": ["best.ckpt", "photos"],
    "pack": ["best.ckpt"],
    "plan": ["run"],
    "predict": ["best.ckpt", "photos"],
    "report": ["run"],
    "sample": ["out"],
    "serve": ["best.ckpt"],
    "train-masks": ["best.ckpt", "photos"],
    "update": ["run", "--verdicts", "photos"],
    "verdicts": ["run", "photos/a.jpg"],
}
"""What each command takes beside options; a new command is to be named here."""

# paths and names: what is given for them is looked for, and not found
TEXT = {
    "--address", "--alarms", "--asset", "--by", "--calibration", "--camera", "--compare",
    "--contact", "--corrosion", "--data", "--host", "--ignore", "--inspector", "--keep",
    "--labelled", "--no-corrosion", "--out", "--pairs", "--photographs",
    "--relative-to", "--share-truth", "--sound", "--surface", "--target", "--threshold",
    "--tile-validation", "--title", "--token-file", "--verdicts", "--web-runtime",
}  # fmt: skip
NONSENSE = ("no such value", "nan", "inf", "-1e30", "1e30", "")


def options(command):
    """The options of a command that take values, from its own parser."""
    parser = command_line._parser(command)
    [commands] = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for action in commands.choices[command]._actions:
        hidden = action.help == argparse.SUPPRESS
        if action.option_strings and action.nargs != 0 and not hidden:
            count = action.nargs if isinstance(action.nargs, int) else 1
            yield action.option_strings[-1], count


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Something of each kind that a command asks for, and all that is there."""
    monkeypatch.chdir(tmp_path)
    Path("best.ckpt").touch()
    for folder in ("photos", "run"):
        Path(folder).mkdir()
    Path("photos/a.jpg").touch()
    return sorted(tmp_path.rglob("*"))


def refused(capsys, arguments):
    """The one line with which a command is refused."""
    assert main(arguments) in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("corrosion: ")
    assert said.err.count("\n") == 1
    return said.err


def test_every_command_is_tried():
    assert set(POSITIONAL) == set(command_line._FAMILIES) - {"train"}


@pytest.mark.parametrize("command", POSITIONAL)
def test_nonsense_is_refused_by_the_name_of_the_option(command, files, tmp_path, capsys):
    for option, count in options(command):
        for value in NONSENSE if option not in TEXT else ():
            said = refused(capsys, [command, *POSITIONAL[command], option, *[value] * count])
            assert re.match(rf"corrosion: {option}(=|:)", said), said
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.parametrize("command", POSITIONAL)
def test_an_option_that_is_cut_short_is_refused_with_the_whole_one(command, files, capsys):
    names = [option for option, _ in options(command)]
    for option in names:
        if option[:-1] in names:  # --device and --devices
            continue
        for short in (option[:-1], f"{option[:-1]}=1"):
            said = refused(capsys, [command, *POSITIONAL[command], short])
            assert f"{option[:-1]} is no option of corrosion {command}. Did you mean --" in said


@pytest.mark.parametrize("command", POSITIONAL)
def test_what_is_missing_or_too_much_is_told_in_a_line(command, files, capsys):
    assert "--help shows" in refused(capsys, [command])
    for option, _ in options(command):
        said = refused(capsys, [command, *POSITIONAL[command], option])
        assert said.startswith(f"corrosion: {option}: expected ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evaluate", "best.ckpt", "photos", "--prevalence", "5"], "Did you mean 0.05?"),
        (["evaluate", "best.ckpt", "photos", "--level", "95"], "Did you mean 0.95?"),
        (["evaluate", "best.ckpt", "photos", "--threshold", "50"], "Did you mean 0.5?"),
        (["evaluate", "best.ckpt", "photos", "--threshold", "nan"], "--threshold=nan: give a"),
        (["evaluate", "best.ckpt", "photos", "--conf", "0.9"], "Did you mean --confidence?"),
        (["evaluate", "best.ckpt", "--batch-size", "8"], "--num-workers go with PATH"),
        (["predict", "best.ckpt", "photos", "--devices", "1000"], "this machine has "),
        (["predict", "best.ckpt", "photos", "--surface", "photos"], "--surface says how masks"),
        (["predict", "best.ckpt", "photos", "--share-truth", "x"], "--share-truth says how masks"),
        (["predict", "best.ckpt", "photos", "--tile-size", "64"], "--tile-size says how tiles"),
        (["change", "best.ckpt", "photos", "photos", "--pair-by", "name", "--metres", "3"],
         "--metres means nothing with --pair-by=name"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told_as_it_was_typed(arguments, said, files, capsys):
    assert said in refused(capsys, arguments)


def test_settings_are_called_as_options_in_what_is_logged_too(files, capsys, monkeypatch, caplog):
    import logging

    from corrosion.cli.command import Command

    def run(_):
        logging.getLogger("corrosion").warning("max_risk can't be kept on %d photographs", 3)

    command = Command(lambda parser: parser.add_argument("--max-risk"), run)
    monkeypatch.setattr("corrosion.cli.info.COMMANDS", {"info": command})
    assert main(["info"]) == 0
    assert "--max-risk can't be kept on 3 photographs" in caplog.text
