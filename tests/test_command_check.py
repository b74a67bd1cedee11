"""A training's command is refused in a moment, in a sentence, before anything is written."""

import subprocess
import sys

import pytest
import yaml

from corrosion.arguments import with_data
from corrosion.command_check import check, user_names
from corrosion.errors import CorrosionError
from corrosion.launch import main


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "my photos, [new]"
    (folder / "rust").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model=resnet"], r"^model=resnet: choose .*Did you mean resnet50\?$"),
        (["data=fodler"], r"^data=fodler: choose folder, paper, sample\. Did you mean folder\?$"),
        (["model.droput=0.1"], r"^model\.droput is no setting\. Did you mean model\.dropout\?$"),
        (["lr=0.1"], "lr is no setting"),
        (["objective_mode=max"], "objective_mode is gone"),
        (["data.expand=3"], r"data\.expand is gone: give data\.repeats"),
        (["data.root=/tmp"], "add it"),
        (["data=folder"], r"data\.root must be given"),
        (["data=folder", "data.root=/no/such"], "root=/no/such: there is no such folder"),
        (["model.weights=/no/such.pth"], "weights=/no/such.pth: there is no such file"),
        (["data.split_file=/no/such.csv"], "split_file=/no/such.csv"),
        (["resume=/no/such"], "resume=/no/such"),
        (["objective=test/auroc"], "objective=test/auroc: choose one of val/loss"),
        (["sweep=paper"], "python train.py -m sweep="),
        (["seed=1,2"], "-m trains one after the other"),
        (["-m", "model=mobilenetv2,resnett"], "model=resnett: choose"),
        (["-m", "model.lr=1e-3,-1", "seed=1,2"], "lr=-1"),
        (["model.lr=[1"], "quote values with spaces, brackets"),
        (["--data"], "--data needs a path"),
        (["--date", "photos"], r"^--date is no option\. Did you mean --data PHOTOS\? Settings are"),
        (["--multirn", "seed=1,2"], r"Did you mean --multirun\?"),
        (["--batch-size", "3"], r"^--batch-size is no option\. Settings are given without dashes"),
        (["/no/x y"], r"^/no/x y is no setting\. .* python train\.py --data '/no/x y'$"),
        (["photos"], r"^photos is no KEY=VALUE.*there is none called photos here"),
    ],
)
def test_what_can_not_be_trained_is_told_in_a_sentence(arguments, message):
    with pytest.raises(CorrosionError, match=message) as caught:
        check(with_data(arguments))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["predictions.csv"], r"this run is finished.* model\.weights=\S+best\.ckpt begins"),
        (["config.yaml"], r"a probe is not resumed.* with resume=auto hydra\.run\.dir="),
        ([], r"there is no \S+last\.ckpt"),
    ],
)
def test_a_run_that_nothing_goes_on_from_is_told_at_once(tmp_path, files, message):
    for name in files:
        content = {"model": {"head_fit": "logistic", "unfreeze": "none"}}
        (tmp_path / name).write_text(yaml.safe_dump(content))
    with pytest.raises(CorrosionError, match=message):
        check([f"resume={tmp_path}"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("num_cpus=1000", r"remote\.num_cpus=1000: this machine has \d+, so no trial would begin"),
        ("num_cpus=1", r"num_gpus=1: this machine has no GPU, .* Give .*\.num_gpus=0\.$"),
    ],
)
def test_a_trial_on_ray_that_would_wait_for_ever_is_refused(monkeypatch, asked, message):
    monkeypatch.setattr("corrosion.machine_check.has_surely_no_gpu", lambda: True)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    command = ["-m", "hydra/launcher=ray", f"hydra.launcher.ray.remote.{asked}", "seed=1,2"]
    with pytest.raises(CorrosionError, match=message):
        check(command)
    check([*command, "hydra.launcher.ray.init.address=auto"])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["experiment=quick", "model=resnet50"],
        ["-m", "model=mobilenetv2,resnet50", "seed=range(1,4)"],
        ["-m", "sweep=paper", "model=resnet50", "model.lr=tag(log, interval(1e-5, 1e-3))"],
        ["+trainer.accumulate_grad_batches=2"],
        ["--config-dir", "tests", "~trainer.devices"],
    ],
)
def test_what_can_be_trained_passes(arguments):
    check(arguments)


def test_a_path_that_hydra_reads_otherwise_is_refused_with_its_quotes(photos):
    with pytest.raises(CorrosionError, match="must be quoted") as caught:
        check(["data=folder", f"data.root={photos}"])
    assert f"'data.root=\"{photos}\"'" in str(caught.value)
    check(["data=folder", f'data.root="{photos}"'])


@pytest.mark.parametrize("form", [["--data", "{}"], ["--data={}"]])
def test_data_takes_any_path_as_it_is(photos, form):
    given = [one.format(photos) for one in form]
    overrides = with_data(["model=resnet50", *given])
    assert overrides == ["model=resnet50", "data=folder", f'data.root="{photos}"']
    check(overrides)


def test_a_folder_without_data_before_it_is_told_as_such(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    with pytest.raises(CorrosionError, match=r"--data 'my photos, \[new\]'$"):
        check([photos.name])


def test_several_folders_become_a_list(photos):
    overrides = with_data(["--data", str(photos), "--data", "/tmp"])
    assert overrides[-1] == f'data.root=["{photos}","/tmp"]'


def test_parameters_of_functions_are_called_by_the_keys_of_settings():
    names = user_names()
    assert names["lr"] == "model.lr"
    assert names["root"] == "data.root"
    assert names["max_epochs"] == "trainer.max_epochs"
    error = CorrosionError("image_size=3 and classes.corrosion=[x], in /data/root=3/x")
    assert error.called(names) == (
        "data.image_size=3 and data.classes.corrosion=[x], in /data/root=3/x"
    )


def test_a_mistyped_file_of_a_group_is_called_as_it_was_given(capsys):
    assert main(["experiment=prob"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("train: experiment=prob: choose best, fast,")
    assert said.endswith("Did you mean probe?\n")


def test_a_refused_command_says_so_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["model.lr=-1", "hydra.run.dir=run"]) == 1
    assert capsys.readouterr().err == "train: model.lr=-1: give a number above 0, up to 10.\n"
    assert list(tmp_path.iterdir()) == []


def test_checking_needs_no_torch():
    program = (
        "import sys; from corrosion.command_check import check; check(['model=resnet50']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_folder_in_which_nothing_can_be_made_is_refused(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CorrosionError, match=r"hydra\.run\.dir=.*nothing can be written"):
        check([f"hydra.run.dir={file / 'run'}"])
    check([f"hydra.run.dir={tmp_path / 'new' / 'run'}"])
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-m", "model=resnet50,mobilenetv2", "seed=1,2"], None),
        (["-m", "data.folds=5", "data.fold=0,1", "data.image_size=64,96"], None),
        (["-m", "data.split_seed=0,1", "data.count=40,60"], "data.split_seed, data.count"),
        (["-m", "data.near_duplicates=4,6"], "data.near_duplicates"),
    ],
)
def test_runs_that_can_not_be_compared_are_told_before_they_train(arguments, told, caplog):
    check(arguments)
    assert ("tested on different images" in caplog.text) == (told is not None)
    for key in (told or "").split(", "):
        assert key in caplog.text
