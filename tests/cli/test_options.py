import argparse
from typing import Annotated, Literal

import pytest
from annotated_types import Ge
from pydantic import Field

from corrosion.cli.options import add_options, read_options
from corrosion.errors import CorrosionError
from corrosion.settings.base import Settings
from corrosion.settings.types import Names, Positive, Share


class Oven(Settings):
    """How to bake."""

    degrees: Positive = 180.0
    """Temperature in degrees, 50 % less for meringue."""
    trays: Annotated[int, Ge(1)] | Literal["all"] = "all"
    """Number of trays."""
    mode: Literal["top", "bottom"] | None = None
    """Which heat."""
    light: Literal["auto"] | bool = "auto"
    """Light inside."""
    fan: bool = False
    """Turn the fan on."""
    times: tuple[Positive, Positive] | None = Field(default=None, strict=False)
    """Minutes before and after turning."""
    breads: Names = ()
    """Kinds of bread."""
    share: Share | str | None = 0
    """Share, or its name."""


def read(*arguments, **options):
    parser = argparse.ArgumentParser()
    add_options(parser, Oven, **options)
    return read_options(Oven, parser.parse_args(arguments))


def test_what_is_not_given_stays_at_the_default():
    assert read() == Oven()


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        (["--degrees", "200"], "degrees", 200.0),
        (["--trays", "2"], "trays", 2),
        (["--trays", "all"], "trays", "all"),
        (["--mode", "top"], "mode", "top"),
        (["--mode", "null"], "mode", None),
        (["--fan"], "fan", True),
        (["--light", "false"], "light", False),
        (["--light", "auto"], "light", "auto"),
        (["--times", "10", "5.5"], "times", (10.0, 5.5)),
        (["--breads", "rye", "7"], "breads", ("rye", "7")),
        (["--share", "0.5"], "share", 0.5),
        (["--share", "half"], "share", "half"),
    ],
)
def test_text_becomes_what_the_declaration_says(arguments, name, value):
    found = getattr(read(*arguments), name)
    assert found == value
    assert type(found) is type(value)


def test_a_repeated_option_gathers_its_values():
    found = read("--breads", "rye", "--breads", "corn", repeated=["breads"])
    assert found.breads == ("rye", "corn")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--degrees", "-1"], "--degrees=-1.0: give a number above 0, up to 1,000,000."),
        (["--degrees", "nan"], "--degrees=nan: give a number above 0, up to 1,000,000."),
        (["--trays", "0"], "--trays=0: give a whole number from 1 or all."),
        (["--mode", "left"], "--mode=left: give top, bottom or null."),
        (["--light", "dim"], "--light=dim: give auto, true or false."),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_option(arguments, message):
    with pytest.raises(CorrosionError) as error:
        read(*arguments)
    assert str(error.value) == message


def test_the_help_says_meaning_choices_and_default():
    parser = argparse.ArgumentParser()
    add_options(parser, Oven, metavar={"times": ("BEFORE", "AFTER")})
    text = " ".join(parser.format_help().split())
    assert "Temperature in degrees, 50 % less for meringue; by default 180.0" in text
    assert "--mode {top,bottom} Which heat" in text
    assert "--light {auto,true,false} Light inside; by default auto" in text
    assert "--times BEFORE AFTER" in text
