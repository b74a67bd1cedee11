"""Damaged files of runs: one line that names the file and says what to do, in every command."""

import contextlib
import json
from dataclasses import asdict

import h5py
import numpy as np
import pandas as pd
import pytest
from finished_runs import write_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corrosion.cli.main import main
from corrosion.data.splits import read_split, write_split
from corrosion.errors import CorrosionError
from corrosion.evaluation.evaluation import evaluate_run
from corrosion.evaluation.pooling import pool
from corrosion.models.keras_weights import read_keras_weights
from corrosion.prediction.journal import Journal, Row, RustFacts, read_journals
from corrosion.prediction.output_folder import OutputFolder
from corrosion.report.run_report import write_report
from corrosion.runs import RunDirectory
from corrosion.settings.resumed import resumed_settings, saved_settings
from corrosion.settings.run import RunSettings
from corrosion.system.checksums import CHECKSUMS

pytestmark = pytest.mark.usefixtures("blank_figures")
FUZZ = settings(max_examples=60, derandomize=True, suppress_health_check=list(HealthCheck))

JUNK = {
    "empty": b"",
    "binary": bytes(range(256)) * 8,
    "not UTF-8": '{"a": "caf\u00e9"}'.encode("latin-1"),
    "cut short": b'{"a": [1, 2',
    "deeply nested": b"[" * 100_000,
    "a list": b"[1, 2]",
    "a number": b"5",
    "text": b'"hello"',
    "nothing": b"null",
    "itself": b"a: &a [*a]",
    "a huge number": b'{"seed": ' + b"9" * 5_000 + b"}",
}
WRONG = {
    "metrics.json": [
        {"weights": "imagenet"}, {"weights": {"used": 5}}, {"seconds": {}}, {"seconds": [1]},
        {"parameters": "many"}, {"parameters": -1}, {"machine": []}, {"versions": "all"},
        {"curation": {"images": "x"}}, {"curation": []}, {"shortcut": {"share": "x"}},
        {"shortcut": 5}, {"model": 5}, {"hyperparameters": []}, {"git_commit": 5},
        {"expand": 3, "best_epoch": "x"},
    ],
    "config.yaml": [
        {"model": 5}, {"model": {"threshold": "x"}}, {"model": {"threshold": 2}},
        {"model": {"threshold": None, "name": 5}}, {"data": []}, {"data": {"root": 5}},
        {"choices": [1]}, {"choices": {"max_risk": "x"}}, {"seed": "x"}, {"seed": [1]},
    ],
}  # fmt: skip
TABLES = {
    "predictions.csv": ["path,label\na,1\n", "path,label,probability\na,x,0.5\n"],
    "predictions_val.csv": ["path,label,probability\na,1,nan\n", "path,label,probability\n,1,1\n"],
    "history.csv": ["epoch,train/loss\n1,1\n", "epoch,train/loss,val/loss\nx,1,1\n"],
    "split.csv": ["path,label\na,1\n", "path,label,split\na,1,test\na,1,test\n"],
    "gradcam/examples.csv": [
        "picture,kind\n",
        "picture,kind,path,label,probability\n../a.png,x,a,1,0\n",
        "picture,kind,path,label,probability\na.png,x,a,7,0.5\n",
    ],
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A finished run with all that is read of one."""
    folder = tmp_path / "first"
    table = write_run(folder)
    table.to_csv(folder / "predictions_val.csv", index=False)
    table.assign(split="test", content_hash=table["path"]).to_csv(folder / "split.csv", index=False)
    (folder / "gradcam").mkdir()
    examples = pd.DataFrame(columns=["picture", "kind", "path", "label", "probability"])
    examples.to_csv(folder / "gradcam" / "examples.csv", index=False)
    return RunDirectory(folder)


def readers(run, out):
    """What commands make of a run, whatever they need of it."""
    evaluation = evaluate_run(run.path)
    write_report(run.path, evaluation, path=out / "report.html")
    pool([run])


def told(call, *arguments):
    """The message of the error, of one line; None where there is none."""
    try:
        call(*arguments)
    except CorrosionError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert len(message) < 800
        return message
    return None


def says_what_to_do(message, file):
    return file in message and any(
        one in message for one in ("estore", "give", "Give", "anew", "elete", "new folder")
    )


@pytest.mark.parametrize("name", ["metrics.json", "config.yaml", *TABLES])
def test_damaged_files_of_a_run_are_named(run, tmp_path, name):
    (run.path / name).parent.mkdir(exist_ok=True)
    for kind, content in JUNK.items():
        (run.path / name).write_bytes(content)
        message = told(readers, run, tmp_path)
        assert message is not None, kind
        assert says_what_to_do(message, str(run.path / name)), (kind, message)


@pytest.fixture
def trained(tmp_path):
    """The files that a training writes and that are read again, with who reads each."""
    run = RunDirectory(tmp_path / "trained")
    images = pd.DataFrame(
        {"path": ["a", "b"], "label": [0, 1], "probability": [0.1, 0.9], "name": ["no", "rust"]}
    )
    run.write_config(RunSettings().plain())
    run.write_metrics({"test/auroc": 1.0}, {"model": "resnet50"})
    run.write_history(pd.DataFrame({"epoch": [1, 2], "train/loss": 0.5, "val/loss": 0.5}))
    run.write_predictions("test", images)
    run.write_predictions("val", images)
    run.write_examples(images.assign(picture=["a.png", "b.png"], kind="right"))
    records = images.assign(source="", group=0, content_hash=["1", "2"], split="test")
    write_split(records, run.split_file)
    return {
        run.config_file: [run.read_config, lambda: saved_settings(run.config_file)],
        run.metrics_file: [run.read_metrics],
        run.history_file: [run.read_history],
        run.predictions_file("test"): [lambda: run.read_predictions("test")],
        run.predictions_file("val"): [lambda: run.read_predictions("val")],
        run.examples_file: [run.read_examples],
        run.split_file: [run.read_split, lambda: read_split(run.split_file, records)],
    }


def test_a_file_of_a_run_that_was_cut_anywhere_is_told_from_a_sound_smaller_one(trained):
    for path, readers_of in trained.items():
        whole = path.read_bytes()
        lines = [end + 1 for end, sign in enumerate(whole[:-1]) if sign == ord("\n")]
        for length in {*lines[:: max(1, len(lines) // 5)], len(whole) - 1, 0}:
            path.write_bytes(whole[:length])
            for read in readers_of:
                assert says_what_to_do(told(read), str(path)), (path, length)
        path.write_bytes(whole)
        for read in readers_of:
            assert told(read) is None


def test_a_file_without_a_checksum_is_read_as_it_is(trained):
    for path, readers_of in trained.items():
        (path.parent / CHECKSUMS).unlink(missing_ok=True)
        if path.suffix == ".csv":
            path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
        for read in readers_of:
            assert told(read) is None


@pytest.mark.parametrize("kind", [one for one in JUNK if one != "a huge number"])
def test_damaged_checksums_are_named(trained, kind):
    path, (read, *_) = next(iter(trained.items()))
    (path.parent / CHECKSUMS).write_bytes(JUNK[kind])
    assert says_what_to_do(told(read), CHECKSUMS)


@pytest.mark.parametrize("name", WRONG)
def test_values_of_another_type_in_a_run_are_named(run, tmp_path, name):
    for values in WRONG[name]:
        (run.path / name).write_text(json.dumps(values))  # JSON is YAML too
        message = told(readers, run, tmp_path)
        assert message is not None, values
        assert says_what_to_do(message, str(run.path / name)), (values, message)


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_lack_something_are_named(run, tmp_path, name):
    for content in TABLES[name]:
        (run.path / name).write_text(content)
        message = told(readers, run, tmp_path)
        assert message is not None, content
        assert str(run.path / name) in message


@pytest.mark.parametrize("command", ["evaluate", "compare", "plan", "labels"])
def test_a_command_ends_with_exit_code_1_and_one_line(run, tmp_path, capsys, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (run.path / "config.yaml").write_text("model: 5")
    assert main([command, str(run.path)]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{run.path / 'config.yaml'}: model=5: give a mapping or null." in error


def test_settings_of_a_run_that_goes_on_are_named(tmp_path):
    saved = tmp_path / "config.yaml"
    for content in JUNK.values():
        saved.write_bytes(content)
        message = told(resumed_settings, RunSettings().plain(), saved, ["resume=auto"])
        assert message is not None
        assert str(saved) in message


def test_a_split_file_that_is_none_is_named(tmp_path):
    records = pd.DataFrame({"path": ["a"], "content_hash": ["1"]})
    for content in [*JUNK.values(), b"path,split\nb,test\n", b"path,split,content_hash\na,x,1\n"]:
        (tmp_path / "split.csv").write_bytes(content)
        message = told(read_split, tmp_path / "split.csv", records)
        assert message is not None
        assert "split.csv" in message
    (tmp_path / "split.csv").unlink()
    assert "split.csv" in told(read_split, tmp_path / "split.csv", records)


ROW = Row(
    0, 0, last=True, path="a.jpg", probability=0.5, boxes=((1, 2, 3, 4),), rust=RustFacts("m")
)


@pytest.fixture
def folder(tmp_path):
    """A prediction of two files, of which the first is finished, that was killed."""
    out = OutputFolder(tmp_path / "out")
    out.begin({"threshold": 0.5}, lambda: ["a.jpg", "b.jpg"], resume=False)
    journal = Journal(out.progress, attempt=0, rank=0)
    journal.append([ROW])
    journal.close()
    return out


def goes_on(out):
    out.begin({"threshold": 0.5}, lambda: [], resume=True)
    return [one.path for one in out.remaining()]


def test_a_prediction_goes_on_from_whole_files(folder):
    assert list(read_journals(folder.progress)) == [ROW]
    assert goes_on(folder) == ["b.jpg"]


@pytest.mark.parametrize("name", ["run.json", "progress/files.json"])
def test_damaged_files_of_a_prediction_are_named(folder, name):
    path = folder.path / name
    for kind, content in JUNK.items():
        path.write_bytes(content)
        message = told(goes_on, folder)
        assert message is not None, kind
        assert says_what_to_do(message, str(folder.path)), (kind, message)


@pytest.mark.parametrize(
    "values",
    [
        {"asked": 5}, {"attempts": "x"}, {"attempts": -1}, {"attempts": None}, {"counts": 5},
        {"counts": {"images": "x"}}, {"counts": {}}, {"counts": {"images": 1, "detected": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_values_of_another_type_in_a_prediction_are_named(folder, values):
    path = folder.path / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    assert says_what_to_do(told(goes_on, folder), str(path))


def test_a_list_of_files_that_are_no_paths_is_named(folder):
    (folder.progress / "files.json").write_text("[1, 2]")
    assert "files.json holds something else than paths" in told(goes_on, folder)


def line(**changes):
    """A line of a journal, with other values."""
    return json.dumps(asdict(ROW) | changes).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\n", b"{}\n", b"[]\n", b"null\n", b"hello\n", b"\xff\xfe\n", b"{" * 100_000 + b"\n",
        line(item="x"), line(item=-1), line(item=None), line(item=1.5), line(path=5),
        line(probability="x"), line(probability=2), line(probability=[]), line(boxes="x"),
        line(boxes=[[1, 2, 3]]), line(boxes=[[1, 2, 3, "x"]]), line(rust=5), line(rust={}),
        line(rust={"mask": "m", "rusted_share": 7}), line(tiles={"tiles": 2}), line(last="maybe"),
        line() + line(),
    ],
)  # fmt: skip
def test_a_damaged_line_of_a_journal_is_named(folder, content):
    path = folder.progress / "rows-0000-0000.jsonl"
    path.write_bytes(content)
    message = told(goes_on, folder)
    assert f"{path} can't be read: line " in message
    assert "Delete it to predict its files anew" in message
    path.unlink()
    assert goes_on(folder) == ["a.jpg", "b.jpg"]


@FUZZ
@given(data=st.data())
def test_any_bytes_in_a_journal_are_rows_or_one_line(folder, data):
    path = folder.progress / "rows-0000-0000.jsonl"
    good = line() + line(item=1, last=False)
    place = data.draw(st.integers(0, len(good) - 1))
    path.write_bytes(
        data.draw(st.binary(max_size=200) | st.just(good[:place]))
        if data.draw(st.booleans())
        else good[:place] + data.draw(st.binary(min_size=1, max_size=3)) + good[place + 1 :]
    )

    def read():
        assert all(isinstance(row, Row) and row.item >= 0 for row in read_journals(folder.progress))

    message = told(read)
    assert message is None or "rows-0000-0000.jsonl" in message


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """A small file in Keras' legacy layout, of two layers."""
    path = tmp_path_factory.mktemp("keras") / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"stem_conv1", b"stem_bn1"]
        for name, keys in (("stem_conv1", [b"kernel"]), ("stem_bn1", [b"gamma", b"beta"])):
            group = file.create_group(name)
            group.attrs["weight_names"] = keys
            for key in keys:
                group[key.decode()] = np.ones(4, np.float32)
    return path.read_bytes()


@FUZZ
@given(data=st.data())
def test_any_bytes_of_keras_weights_are_one_line(tmp_path, keras, data):
    path = tmp_path / "weights.h5"
    changed = bytearray(keras)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(changed)))
    path.write_bytes(bytes(changed[:cut]))
    message = told(read_keras_weights, path)
    assert message is not None  # of NASNet's 300 layers it has two
    assert str(path) in message


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.attrs.__setitem__("layer_names", 5),
        lambda file: file.attrs.__setitem__("layer_names", [1, 2]),
        lambda file: file.attrs.__setitem__("layer_names", [b"\xff\xfe"]),
        lambda file: file.attrs.__setitem__("layer_names", [b"../.."]),
        lambda file: file["stem_bn1"].attrs.__setitem__("weight_names", [b"gone"]),
        lambda file: file["stem_bn1"].attrs.__delitem__("weight_names"),
        lambda file: file.__setitem__("model_weights", np.ones(3)),
        lambda file: file.__delitem__("stem_bn1"),
        lambda file: _replace(file, "stem_bn1", np.ones(3)),
        lambda file: _replace(file, "stem_bn1/gamma", "text"),
        lambda file: _replace(file, "stem_bn1/gamma", h5py.ExternalLink("/etc/passwd", "/")),
        lambda file: _huge(file, "stem_bn1/gamma"),
    ],
)
def test_keras_weights_of_another_layout_are_one_line(tmp_path, keras, change):
    path = tmp_path / "weights.h5"
    path.write_bytes(keras)
    with h5py.File(path, "r+") as file:
        change(file)
    message = told(read_keras_weights, path)
    assert message is not None
    assert str(path) in message


def _replace(file, name, value):
    with contextlib.suppress(KeyError):
        del file[name]
    file[name] = value


def _huge(file, name):
    """Terabytes of zeros that take no room in the file."""
    del file[name]
    file.create_dataset(name, shape=(2**40,), dtype=np.float32, chunks=(2**20,))
