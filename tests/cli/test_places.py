"""Commands on photographs in a bucket, of which some requests fail, and with results there."""

import json
import logging
import shutil
import zipfile

import pandas as pd
import pytest
from samples import calibration, write_checkpoint

from corrosion.cli.main import main
from corrosion.data.places import remote
from corrosion.models.checkpoint import store_choices


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    write_checkpoint(path, image_size=32)
    store_choices(path, calibration(thresholds={"in use": 0.5}, band=(0.2, 0.8)))
    return path


@pytest.fixture
def photographs(server, picture, tmp_path):
    """The same 16 photographs in a bucket, in a folder and in an archive."""
    contents = {f"day {n % 2}/{n:02d}.jpg": picture(n) for n in range(16)}
    server.fill({f"in/{name}": content for name, content in contents.items()})
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
            (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / name).write_bytes(content)
    return tmp_path


def predict(checkpoint, *arguments):
    return main(["predict", str(checkpoint), *map(str, arguments), "--device=cpu", "--recursive"])


def table(folder):
    return pd.read_csv(folder / "predictions.csv")


def test_a_bucket_and_an_archive_are_predicted_as_their_folder(server, checkpoint, photographs):
    local, far, packed = (photographs / name for name in ("local", "far", "packed"))
    options = ("--masks", "--asset={asset}/*")
    assert predict(checkpoint, photographs / "in", "--out", local, *options) == 0
    server.faults.share = 0.05
    assert predict(checkpoint, "s3://photos/in", "--out", far, *options) == 0
    assert predict(checkpoint, photographs / "in.zip", "--out", packed, *options) == 0
    expected = table(local)
    for found, start in (
        (table(far), "s3://photos/in/"),
        (table(packed), f"{photographs}/in.zip/"),
    ):
        below = expected["path"].str.removeprefix(f"{photographs}/in/")
        assert (found["path"] == start + below).all()
        pd.testing.assert_frame_equal(found.drop(columns="path"), expected.drop(columns="path"))
    assert expected["asset"].nunique() == 2


def test_a_file_that_never_comes_is_a_row_with_its_reason(server, checkpoint, photographs):
    server.faults.stubborn = ("/07.jpg",)
    out = photographs / "out"
    given = ("s3://photos/in", "--relative-to", "s3://photos/in", "--out", out)
    assert predict(checkpoint, *given) == 3
    found = table(out)
    assert len(found) == 16
    [bad] = found[found["error"].notna()].to_dict("records")
    assert bad["path"] == "day 1/07.jpg"
    assert "after 6 attempts" in bad["error"]
    assert "s3:" not in (out / "predictions.csv").read_text()


def test_credentials_that_expire_end_the_run_and_resuming_goes_on(
    server, checkpoint, photographs, capsys
):
    out = photographs / "out"
    server.faults.expires = 10
    options = ("s3://photos/in", "--out", out, "--explain")
    assert predict(checkpoint, *options) == 1
    told = capsys.readouterr().err
    assert "(ExpiredToken.): docs/places.md says where they go. What is finished is kept" in told
    server.faults.expires = None
    assert predict(checkpoint, *options, "--resume") == 0
    assert len(table(out)) == 16
    assert table(out)["error"].isna().all()


def test_results_are_written_to_a_bucket_and_nothing_stays(
    server, checkpoint, photographs, cache, capsys
):
    server.faults.share = 0.05
    assert predict(checkpoint, photographs / "in", "--out", "s3://photos/results/one") == 0
    assert capsys.readouterr().out.endswith("s3://photos/results/one\n")
    keys = [key.removeprefix("results/one/") for key in server.keys("results/")]
    assert {"predictions.csv", "inspection.html", "run.json"} <= set(keys)
    assert len([key for key in keys if key.startswith("thumbnails/")]) == 16
    assert not [key for key in keys if ".lock" in key or "corrosion-writes" in key]
    assert not list((cache / "results").iterdir())
    remote.forget()
    assert predict(checkpoint, photographs / "in", "--out", "s3://photos/results/one") == 1
    assert "s3://photos/results/one is there already" in capsys.readouterr().err


def test_results_that_could_not_be_sent_are_kept_and_sent_by_resuming(
    server, checkpoint, photographs, cache, monkeypatch, capsys
):
    out = ("--out", "s3://photos/results/two")
    with monkeypatch.context() as patch:
        patch.setattr("corrosion.data.places.output.Output.deliver", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            predict(checkpoint, photographs / "in", *out)
    [kept] = (cache / "results").iterdir()
    assert len(table(kept)) == 16
    assert predict(checkpoint, photographs / "in", *out, "--resume") == 0
    assert "results/two/run.json" in server.keys("results/")
    assert not kept.exists()


def test_a_place_that_can_not_be_written_is_told_before_the_work(
    server, checkpoint, photographs, cache, capsys
):
    assert predict(checkpoint, photographs / "in", "--out", "s3://nobody-has-this/out") == 1
    told = capsys.readouterr().err
    assert "--out=s3://nobody-has-this/out can't be written: there is no such bucket" in told
    assert not list((cache / "results").iterdir())
    assert predict(checkpoint, photographs / "in", "--out", photographs / "in.zip" / "out") == 1
    assert "nothing is written into an archive" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["sample", "s3://photos/sample"], "OUT=s3://photos/sample: only predict, explain and"),
        (["pack", "RUN", "--out", "s3://photos/pack"], "--out=s3://photos/pack: only predict,"),
        (["export", "RUN", "--out", "s3://photos/m.onnx"], "s3://photos: only predict, explain"),
        (["predict", "s3://photos/run", "in"], "There is no s3://photos/run: give a checkpoint"),
        (["change", "RUN", "s3://photos/a", "b"], "s3://photos/a: only photographs of predict"),
        (["train", "hydra.run.dir=s3://photos/run"], "hydra.run.dir=s3://photos/run: only predict"),
    ],
)
def test_where_an_address_does_not_fit_it_is_refused(
    checkpoint, tmp_path, monkeypatch, capsys, command, message
):
    monkeypatch.chdir(tmp_path)
    try:
        code = main([str(checkpoint) if word == "RUN" else word for word in command])
    except SystemExit as left:
        code = left.code
    assert code == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_bucket_is_audited_and_explained_and_the_results_go_there(
    server, checkpoint, picture, capsys
):
    names = [f"set/{kind}/{n}.jpg" for kind in ("corrosion", "clean") for n in range(3)]
    server.fill({name: picture(number) for number, name in enumerate(names)})
    server.faults.share = 0.05
    assert main(["audit", "s3://photos/set", "--out", "s3://photos/audit"]) == 0
    assert "results: s3://photos/audit" in capsys.readouterr().out
    assert {"audit/audit.html", "audit/audit.json"} <= set(server.keys("audit/"))
    explained = ["explain", str(checkpoint), "s3://photos/set", "--recursive", "--device=cpu"]
    assert main([*explained, "--out", "s3://photos/explained"]) == 0
    assert "explained/explanations.csv" in server.keys("explained/")
    page = server.client.get_object(Bucket="photos", Key="audit/audit.html")["Body"].read()
    assert b"s3:" not in page.replace(b"https:", b"")


def test_no_secret_comes_into_what_is_written_or_logged(server, checkpoint, photographs, caplog):
    out = photographs / "out"
    with caplog.at_level(logging.INFO):
        assert predict(checkpoint, "s3://photos/in", "--out", out) == 0
    secret = server.environment["AWS_SECRET_ACCESS_KEY"]
    assert secret not in caplog.text
    assert "credentials" not in caplog.text
    assert not [one for one in out.rglob("*.*") if secret.encode() in one.read_bytes()]
    assert json.loads((out / "run.json").read_text())["asked"]["paths"] == ["s3://photos/in"]
    shutil.rmtree(out)
    assert predict(checkpoint, "sftp://jane:hunter2@host/in", "--out", out) == 1
    assert "hunter2" not in caplog.text
    assert not out.exists()
