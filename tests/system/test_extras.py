import shutil
from pathlib import Path

import pytest

from corrosion.errors import CorrosionError
from corrosion.system import extras


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(CorrosionError) as error:
        extras.require_package("pyarrow", "format=parquet", instead="csv")
    checkout = Path(__file__).parents[2]
    assert str(error.value) == (
        "format=parquet needs the package pyarrow: uv pip install --constraint constraints.txt "
        f'--editable ".[parquet]" in {checkout}, or choose format=csv.'
    )


def test_an_installed_copy_asks_for_the_package_itself(monkeypatch, tmp_path):
    module = tmp_path / "lib" / "corrosion" / "system" / "extras.py"
    module.parent.mkdir(parents=True)
    shutil.copy(extras.__file__, module)
    monkeypatch.setattr(extras, "__file__", str(module))
    assert extras.install_command("pyarrow") == "pip install pyarrow"
