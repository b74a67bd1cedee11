"""One-file pages: what every report is written with."""

import base64
import io
import re

import jinja2
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from corrosion.report import page


@pytest.fixture
def environment(monkeypatch):
    """The real base template, extended by small ones."""
    real = page._environment()
    small = jinja2.DictLoader(
        {
            "small.html": "{% extends 'base.html' %}{% block title %}{{ name }}{% endblock %}"
            "{% block content %}{{ figure }}{% endblock %}"
        }
    )
    loader = jinja2.ChoiceLoader([small, real.loader])
    monkeypatch.setattr(page, "_environment", lambda: real.overlay(loader=loader))


def drawing():
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1], "o-")
    return figure


def test_what_comes_from_outside_is_escaped_and_figures_are_not(environment, tmp_path):
    path = tmp_path / "page.html"
    svg = page.inline_svg(drawing(), name="a line")
    page.write_page(path, "small.html", name="<script>alert(1)</script>", figure=svg)
    text = path.read_text()
    assert "<script>alert" not in text
    assert "<title>&lt;script&gt;" in text
    assert '<svg class="chart" role="img" aria-label="a line"' in text


def test_a_page_fetches_nothing(environment, tmp_path):
    path = tmp_path / "page.html"
    page.write_page(path, "small.html", name="x", figure=page.inline_svg(drawing(), name="a line"))
    sources = re.findall(r'(?:src|href)="([^"]*)"', path.read_text())
    assert [source for source in sources if not source.startswith(("data:", "#"))] == []
    assert "default-src 'none'" in path.read_text()


def test_a_value_that_is_missing_is_an_error(environment, tmp_path):
    with pytest.raises(jinja2.UndefinedError):
        page.write_page(tmp_path / "page.html", "small.html", name="x")
    assert list(tmp_path.iterdir()) == []


def test_figures_on_one_page_share_no_ids():
    first, second = (page.inline_svg(drawing(), name=name) for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', first))
    assert used
    assert used <= ids[0]


def test_a_figure_is_the_same_text_each_time():
    assert page.inline_svg(drawing(), name="a") == page.inline_svg(drawing(), name="a")


@pytest.mark.parametrize("as_file", [True, False])
def test_a_picture_is_made_smaller_and_keeps_its_shape(tmp_path, as_file):
    picture = Image.fromarray(np.full((60, 120, 3), 90, np.uint8))
    picture.save(tmp_path / "a.png")
    uri = page.inline_picture(tmp_path / "a.png" if as_file else picture, max_side=40)
    kind, content = uri.split(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).size == (40, 20)
