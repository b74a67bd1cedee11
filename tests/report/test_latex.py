"""Tables for a paper."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.report.latex import escaped, latex_table
from corrosion.report.tables import TextTable

SPECIAL = "&%$#_{}~^\\"


def unescaped(text):
    """What LaTeX prints of escaped text."""
    commands = {"textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^"}
    commands |= {"textless": "<", "textgreater": ">", "textasciigrave": "`", "textquotedbl": '"'}
    text = re.sub(r"^\$([-+])\$", r"\1", text).replace("-{}", "-")
    text = re.sub(r"\\othercharacter\{(\w+)\}", lambda m: chr(int(m[1], 16)), text)
    return re.sub(r"\\(?:(\w+)\{\}|([&%$#_{}]))", lambda m: commands[m[1]] if m[1] else m[2], text)


@given(st.text(alphabet=SPECIAL + '<>"`abc019.=-+ éκ日'))
def test_escaped_text_is_printed_as_it_is(text):
    assert unescaped(escaped(text)) == text


@pytest.mark.parametrize("character", "&%$#_{}")
def test_no_special_character_is_left_bare(character):
    assert not re.search(rf"(?<!\\)\{character}", escaped(f"a{character}b"))


def test_a_table_has_the_rules_of_booktabs_and_a_cell_a_column():
    table = TextTable.of(
        "Metrics, 95% interval",
        ("", "model_a (lr=0.1)", "b & c"),
        [("accuracy", "0.9500\n0.9000 – 0.9800", "–"), ("change", "-0.0120", "-0.0300 – +0.0100")],
    )
    text = latex_table(table)
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"\begin{tabular}{lrr}" in text
    rows = [line.strip() for line in text.splitlines() if line.endswith(r"\\")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)&", row[:-2])] for row in rows]
    assert cells == [
        ["", r"model\_a (lr=0.1)", r"b \& c"],
        ["accuracy", "0.9500 (0.9000 -- 0.9800)", "--"],
        ["change", "$-$0.0120", "$-$0.0300 -- $+$0.0100"],
    ]
    assert text.count("{") == text.count("}")


def test_characters_beyond_latin_ones_are_told_by_their_number():
    assert escaped("é κ") == r"é \othercharacter{03BA}"


@pytest.mark.parametrize("name", ["[0]_a", "*a", "(a"])
def test_no_name_of_a_row_is_taken_for_an_option_of_the_row_before(name):
    text = latex_table(TextTable.of("a", ("", "b"), [("first", "1"), (name, "2")]))
    assert f"    {{}}{escaped(name)} & 2" in text


def test_hyphens_in_a_row_are_no_dash_and_a_caption_says_where_intervals_stand():
    assert escaped("a--b---c") == "a-{}-b-{}-{}-c"
    table = TextTable.of("Metrics, 95% interval below", ("", "b"), [("a", "1")])
    assert r"\caption{Metrics, 95\% interval in brackets}" in latex_table(table)
