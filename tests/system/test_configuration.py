import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from corrosion.system.configuration import config_dir

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package as a wheel installs it."""
    folder = tmp_path_factory.mktemp("wheel")
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder / "dist"), versions=["standard"])
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files(folder, pattern):
    return {file.relative_to(folder) for file in folder.rglob(pattern)}


def test_a_checkout_reads_the_configuration_at_its_top():
    assert config_dir() == ROOT / "conf"


def test_the_wheel_holds_the_configuration_and_the_page_templates(installed):
    assert files(installed / "corrosion" / "conf", "*.yaml") == files(ROOT / "conf", "*.yaml")
    report = Path("corrosion", "report", "templates")
    assert files(installed / report, "*.html") == files(ROOT / "src" / report, "*.html")
    assert (installed / "corrosion" / "py.typed").exists()
    assert not files(installed, "test_*")


def test_an_installed_package_finds_its_own_configuration(installed, tmp_path):
    program = "from corrosion.system.configuration import config_dir; print(config_dir())"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == installed / "corrosion" / "conf"
