import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

from corrosion.system.configuration import config_dir

ROOT = Path(__file__).parents[2]


def unpacked(project, folder):
    [wheel] = WheelBuilder(str(project)).build(
        directory=str(folder / "dist"), versions=["standard"]
    )
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package as a wheel installs it."""
    return unpacked(ROOT, tmp_path_factory.mktemp("wheel"))


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


def test_the_package_without_pytorch_is_the_same_code(installed, tmp_path):
    without = unpacked(ROOT / "runtime", tmp_path)
    assert files(without / "corrosion", "*.py") == files(installed / "corrosion", "*.py")
    assert files(without / "corrosion" / "conf", "*") == files(ROOT / "conf", "*")
    [metadata] = without.glob("corrosion-*.dist-info")
    assert [metadata.name] == [found.name for found in installed.glob("corrosion-*.dist-info")]
    assert "torch" not in (metadata / "METADATA").read_text()


def test_the_package_without_pytorch_asks_for_versions_as_the_whole_does():
    whole, without = (
        tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for folder in (ROOT, ROOT / "runtime")
    )
    known = {*whole["dependencies"]}.union(*whole["optional-dependencies"].values())
    asked = [without["dependencies"], *without["optional-dependencies"].values()]
    for packages in asked:
        assert set(packages) <= known
