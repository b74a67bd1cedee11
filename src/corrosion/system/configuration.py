"""Find the YAML files of the configuration, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

from corrosion.errors import CorrosionError

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf")


def config_dir() -> Path:
    """The directory of `train.yaml` and its groups, which Hydra composes a configuration from.

    Raises:
        CorrosionError: the package was installed without its configuration.

    Example:
        >>> sorted(file.name for file in (config_dir() / "trainer").iterdir())
        ['cpu.yaml', 'ddp.yaml', 'default.yaml', 'gpu.yaml']
    """
    for place in _PLACES:
        if (place / "train.yaml").is_file():
            return place
    raise CorrosionError(
        f"no train.yaml in {' or '.join(map(str, _PLACES))}: the configuration was not installed. "
        "Install the package again, from a checkout or a wheel."
    )
