"""Packages that only some settings need, and the command that installs them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from corrosion.errors import CorrosionError

EXTRAS = {
    "pyarrow": "parquet",
    "ray": "ray",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "psycopg[binary]": "postgresql",
    "onnxruntime": "runtime",
    "openvino": "openvino",
    "onnxscript": "export",
    "nncf": "export",
    "fastapi": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
    "fsspec": "cloud",
    "s3fs": "cloud",
    "gcsfs": "cloud",
    "adlfs": "cloud",
    "paramiko": "sftp",
}
"""Extras of pyproject.toml by the package that each brings along."""


def require_package(package: str, setting: str, *, instead: str) -> None:
    """Make sure that the package that a setting needs is installed.

    Args:
        package: name of the package.
        setting: the setting that needs it, with its value, as "format=parquet".
        instead: the value of the setting that needs no package, as "csv".

    Raises:
        CorrosionError: the package is not installed; the message has the command that installs it.

    Example:
        >>> require_package("tensorboard", "logger=tensorboard", instead="csv")
    """
    if find_spec(package) is None:
        key = setting.partition("=")[0]
        raise CorrosionError(
            f"{setting} needs the package {package}: {install_command(package)}, or choose "
            f"{key}={instead}."
        )


def install_command(package: str, *others: str) -> str:
    """The command that installs a package, and others of its extra, for this copy of corrosion.

    A checkout has the exact version in its constraints.txt. An installed copy must not ask for
    `corrosion[...]`: a registry may give somebody else's package of that name.
    """
    checkout = Path(__file__).parents[3]
    if (checkout / "pyproject.toml").is_file() and (checkout / "constraints.txt").is_file():
        extra = f"[{EXTRAS[package]}]" if package in EXTRAS else ""
        return f'uv pip install --constraint constraints.txt --editable ".{extra}" in {checkout}'
    return f"pip install {' '.join((package, *others))}"
