"""Several runs of one model become one network."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.models.checkpoint import describe
from corrosion.models.digest import sign
from corrosion.models.logistic_head import fit_logistic, set_logistic
from corrosion.models.pooled_features import images_of, pooled_features
from corrosion.prediction.labelled_folder import evaluate_folder
from corrosion.runs import RunDirectory, find_runs
from corrosion.settings import AverageSettings
from corrosion.training.average import average_runs
from corrosion.training.members import Members

COUNT = 8  # photographs of a class


@pytest.fixture(scope="module")
def photos(tmp_path_factory, draw_photos):
    root = tmp_path_factory.mktemp("photos")
    draw_photos(root, {"rust": (150, 80, 40), "sound": (120, 120, 130)}, count=COUNT, noise=30)
    return [(str(path), int(path.parent.name == "rust")) for path in sorted(root.glob("*/*"))]


@pytest.fixture
def cross_validation(photos, tmp_path):
    """Two folds: a backbone that both have in common, and a head of the photographs of each."""

    def write(flip=False):
        table = pd.DataFrame(photos, columns=["path", "label"])
        table = table.assign(source="a", group=range(len(table)), content_hash=table["path"])
        for fold in (0, 1):
            run = RunDirectory(tmp_path / "cv" / str(fold))
            module = write_checkpoint(run.best)
            module.hparams["weights"] = {"requested": "a", "used": "file", "detail": "a file"}
            images = images_of(module.network, table, batch_size=8, num_workers=1)
            features = pooled_features(module.network, images, table)
            subset = np.where(np.arange(len(table)) % 2 == fold, "test", "train")
            rows, label = subset == "train", table["label"].to_numpy()
            set_logistic(
                module.network.head,
                fit_logistic(features[rows], label[rows], features[rows], label[rows]),
            )
            if flip:  # another function of each fold, as heads from other random weights have
                with torch.no_grad():
                    dense, out = module.network.head.dense, module.network.head.logit
                    order = [1, 0, *range(2, len(dense.weight))] if fold else slice(None)
                    dense.weight[:], dense.bias[:] = dense.weight[order], dense.bias[order]
                    out.weight[:] = out.weight[:, order]
            save(module, run)
            with torch.inference_mode():
                logit = module.network.eval().forward_pooled(torch.from_numpy(features)).numpy()
            write_run(run, table.assign(split=subset), logit, fold)
        return tmp_path / "cv"

    return write


def save(module, run):
    content = {
        "state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams), "epoch": 0,
    }  # fmt: skip
    sign(content)
    torch.save(content, run.best)


def write_run(run, table, logit, fold):
    table.to_csv(run.split_file, index=False)
    judged = table[["path", "label"]].assign(logit=logit, probability=1 / (1 + np.exp(-logit)))
    tested = (table["split"] == "test").to_numpy()
    judged[tested].to_csv(run.predictions_file("test"), index=False)
    run.config_file.write_text(
        yaml.safe_dump({"model": {"name": "tiny"}, "data": {"folds": 2, "fold": fold}})
    )
    run.metrics_file.write_text(json.dumps({"model": "tiny", "generated": False}))


def test_weights_of_an_average_are_means_and_its_choices_come_from_unseen_photographs(
    cross_validation, photos, tmp_path
):
    folds = cross_validation()

    average = average_runs(Members.of(find_runs([folds])), tmp_path / "out")

    network = corrosion.load_model(tmp_path / "out")
    first, second = (corrosion.load_model(folds / name) for name in "01")
    for name, tensor in network.state_dict().items():
        mean = (first.state_dict()[name] + second.state_dict()[name]) / 2
        assert torch.allclose(tensor.float(), mean.float(), atol=1e-6), name
    assert average.learnt == 1
    assert len(average.unseen.predictions) == 2 * COUNT
    assert network.temperature == average.unseen.choices.temperature.value
    assert network.thresholds
    began = describe(tmp_path / "out")["weights"]["detail"]
    assert began == "mean of 2 networks, each of which began with: a file"
    written = pd.read_csv(tmp_path / "out" / "predictions_val.csv")
    assert sorted(written["path"]) == sorted(path for path, _ in photos)
    assert set(RunDirectory(tmp_path / "out").read_split()["split"]) == {"train"}
    assert network.competence["images"] == 2 * COUNT
    assert len(network.training_distance.reference) == 2 * COUNT
    assert average.unseen.choices.band.rule == "at most 0.03 wrong in every fold"
    root = Path(photos[0][0]).parents[1]
    names = {"corrosion": ["rust"], "no_corrosion": ["sound"]}
    judged = evaluate_folder(RunDirectory(tmp_path / "out").best, root, tmp_path, classes=names)
    assert judged.choices.band == average.unseen.choices.band  # as the checkpoint has it


def test_an_average_that_has_forgotten_what_its_members_know_is_not_written(
    cross_validation, tmp_path
):
    folds = cross_validation(flip=True)

    with pytest.raises(corrosion.CorrosionError, match=r"head_fit=logistic"):
        average_runs(Members.of(find_runs([folds])), tmp_path / "out")

    assert not RunDirectory(tmp_path / "out").best.exists()


def test_a_photograph_that_is_gone_is_named_before_anything_is_computed(cross_validation, tmp_path):
    folds = cross_validation()
    split = folds / "1" / "split.csv"
    split.write_text(split.read_text().replace("rust/0.png", "rust/gone.png"))
    tested = folds / "1" / "predictions.csv"
    tested.write_text(tested.read_text().replace("rust/0.png", "rust/gone.png"))

    with pytest.raises(corrosion.CorrosionError, match=r"rust/gone\.png is missing"):
        average_runs(Members.of(find_runs([folds])), tmp_path / "out")


def test_networks_of_different_kinds_have_no_average(cross_validation, capsys):
    folds = cross_validation()
    write_checkpoint(folds / "1" / "checkpoints" / "best.ckpt", image_size=96)

    assert main(["average", str(folds), "--out", str(folds.parent / "out")]) == 1

    said = capsys.readouterr().err
    assert "data.image_size=64" in said
    assert "train one of these again with the other's data.image_size" in said
    assert not (folds.parent / "out").exists()


@pytest.mark.parametrize(
    ("of_runs", "of_average", "kept"),
    [
        ({}, None, "at most 0.03 wrong in every fold"),
        ({"max_risk": 0.2}, None, "at most 0.2 wrong in every fold"),
        ({"max_risk": 0.2}, 0.1, "at most 0.1 wrong in every fold"),
        ({"confidence": 0.5}, None, "at most 0.01 wrong, which can't be promised with confidence"),
    ],
)
def test_a_risk_that_was_asked_for_goes_for_the_average_too(
    cross_validation, of_runs, of_average, kept
):
    folds = cross_validation()
    for config in folds.glob("*/config.yaml"):
        config.write_text(config.read_text() + yaml.safe_dump({"choices": of_runs}))

    average = average_runs(
        Members.of(find_runs([folds])), folds.parent / "out", AverageSettings(max_risk=of_average)
    )

    assert average.unseen.choices.band.rule.startswith(kept)


def test_in_a_terminal_the_answer_of_an_average_keeps_to_its_columns_but_for_paths(
    cross_validation, monkeypatch, capsys
):
    for name, value in {"TTY_COMPATIBLE": "1", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)  # as rich takes a terminal
    folds = cross_validation()
    out = folds.parent / "out"

    assert main(["average", str(folds), "--out", str(out)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "By themselves they get 1.000" in " ".join(lines)
    assert max(len(line.replace(str(out), "")) for line in lines) <= 80
    assert lines[-1] == str(out)


def test_runs_of_before_and_after_a_setting_are_told_by_its_name(cross_validation, capsys):
    folds = cross_validation()
    (folds / "1" / "config.yaml").write_text(
        yaml.safe_dump(
            {"model": {"name": "tiny", "pooling": "rms"}, "data": {"folds": 2, "fold": 1}}
        )
    )
    command = ["average", str(folds), "--out", str(folds.parent / "out")]

    assert main(command) == 1

    said = capsys.readouterr().err
    assert "tiny (model.pooling=mean), tiny (model.pooling=rms)" in said
    assert "train those of one model again, with the settings of the other" in said


def test_one_run_has_no_average(cross_validation, capsys):
    folds = cross_validation()

    assert main(["average", str(folds / "0"), "--out", str(folds.parent / "out")]) == 1

    assert "give two or more" in capsys.readouterr().err
