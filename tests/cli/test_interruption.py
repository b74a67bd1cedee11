"""Commands that are stopped by Ctrl-C: exit code, and the sentence that tells how to go on."""

import signal

import pytest
from finished_runs import write_run
from PIL import Image
from samples import write_checkpoint

from corrosion.cli.main import main
from corrosion.prediction.share import RowWriter


def interrupted(capsys, *arguments):
    assert main(list(map(str, arguments))) == 130
    return capsys.readouterr().err


@pytest.mark.parametrize("written", [False, True])
def test_a_command_that_can_not_go_on_says_what_it_has_left(tmp_path, monkeypatch, capsys, written):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()

    def audit(*_, **__):
        if written:
            (out / "audit.html").write_text("half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr("corrosion.data.curation.audit.audit_folders", audit)
    kept = (
        f"{out} holds what was written so far, which is not all: remove it, or choose another "
        f"--out, and give the command again."
        if written
        else "No file is left half written: give the command again."
    )
    assert interrupted(capsys, "audit", photos, "--out", out) == f"corrosion: interrupted. {kept}\n"
    assert out.exists() == written


def test_a_prediction_says_that_it_goes_on_and_does(tmp_path, monkeypatch, capsys):
    write_checkpoint(tmp_path / "best.ckpt")
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48), (80 * number, 80, 40)).save(photos / f"{number}.jpg")
    write, handler = RowWriter.add, signal.getsignal(signal.SIGINT)

    def add(writer, outputs):
        if outputs[0].image.path == str(photos / "1.jpg"):
            raise KeyboardInterrupt
        write(writer, outputs)

    command = ("predict", tmp_path / "best.ckpt", photos, "--out", out, "--batch-size", 1)
    monkeypatch.setattr(RowWriter, "add", add)
    said = interrupted(capsys, *command).splitlines()
    assert said[-1] == (
        "corrosion: interrupted. What is finished is kept: the same command with --resume goes on."
    )
    assert signal.getsignal(signal.SIGINT) == handler  # a second Ctrl-C is heard
    monkeypatch.undo()
    assert main([*map(str, command), "--resume"]) == 0


def test_an_update_says_how_its_training_goes_on(tmp_path, monkeypatch, capsys):
    run, out = tmp_path / "run", tmp_path / "out"
    write_run(run)
    (tmp_path / "judged").mkdir()

    def stop(*_):
        (out / "checkpoints").mkdir(parents=True)
        (out / "checkpoints" / "last.ckpt").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("corrosion.training.update.updated_settings", stop)
    said = interrupted(capsys, "update", run, "--verdicts", tmp_path / "judged", "--out", out)
    assert f"corrosion train resume={out} goes on, and then" in said
    assert f"corrosion compare {run} {out} compares." in said


def test_a_training_that_has_not_begun_is_interrupted_in_a_sentence(monkeypatch, capsys):
    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("corrosion.launch.main", stop)
    assert interrupted(capsys, "train", "model=resnet50").startswith("train: interrupted while no")
