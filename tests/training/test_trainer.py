import pytest

from corrosion.errors import CorrosionError
from corrosion.settings.trainer import LoggerSettings
from corrosion.training.trainer import build_logger


@pytest.mark.parametrize(
    ("config", "kind"),
    [({"name": "csv"}, "CSVLogger"), ({"name": "tensorboard"}, "TensorBoardLogger")],
)
def test_loggers_write_below_the_run_directory(tmp_path, config, kind):
    logger = build_logger(LoggerSettings(**config), run_dir=tmp_path)
    assert type(logger).__name__ == kind
    assert str(logger.log_dir).startswith(str(tmp_path))


def test_no_logger_is_a_choice(tmp_path):
    assert build_logger(LoggerSettings(name=None), run_dir=tmp_path) is False


def test_a_logger_without_its_package_is_an_error_that_says_how_to_install_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("corrosion.system.extras.find_spec", lambda name: None)
    with pytest.raises(CorrosionError, match=r"package wandb: uv pip install .*\[wandb\]"):
        build_logger(LoggerSettings(name="wandb", mode="offline"), run_dir=tmp_path)


def test_an_unknown_logger_is_an_error_that_lists_the_choices():
    with pytest.raises(CorrosionError, match="csv, tensorboard, wandb, mlflow"):
        LoggerSettings(name="comet")
