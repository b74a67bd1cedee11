"""What the `corrosion` command says of itself."""

import re

import pytest

from corrosion.cli.main import main


def described(capsys, *arguments):
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("audit", {"near-duplicates": "6", "out": "audit"}),
        ("sample", {"count": "600", "size": "256", "seed": "0"}),
        ("evaluate", {"max-risk": "0.01", "min-recall": "0.98", "level": "0.95"}),
        ("compare", {"level": "0.95", "device": "cpu"}),
        ("explain", {"method": "gradcam", "colormap": "inferno", "regions": "none"}),
        ("predict", {"every": "1.0", "batch-size": "32", "device": "auto"}),
    ],
)
def test_the_help_of_a_command_shows_what_options_are_by_default(capsys, command, options):
    text = described(capsys, command).split("options:")[1]
    parts = dict(re.findall(r"--([a-z-]+)(.*?)(?= --[a-z]|$)", text))
    for name, default in options.items():
        assert f"by default {default}" in parts[name]
    assert "False" not in text
    assert "None" not in text
