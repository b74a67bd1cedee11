"""The page of a service, in a real browser."""

import base64
import csv
import json
import time

import pytest
from browser import needs_chromium, visit
from services import served, wait_for

TOKEN = "0123456789abcdef0123"
DROP = """
(() => {
  const dropped = new DataTransfer();
  for (const [name, content] of %s)
    dropped.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name));
  document.querySelector("#drop").dispatchEvent(
    new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
})()
"""


def drop(page, files):
    content = [[name, base64.b64encode(data).decode()] for name, data in files]
    page.evaluate(DROP % json.dumps(content))


@pytest.fixture(scope="module")
def photographs(exported):
    return [path.read_bytes() for path in sorted(exported.photographs.iterdir())]


@needs_chromium
@pytest.mark.parametrize("width", [400, 1400])
def test_dropped_photographs_are_answered_drawn_and_saved(network, photographs, tmp_path, width):
    files = [("=a,b.png", photographs[0]), ("<b>.png", photographs[1]), ("bad.jpg", b"no image")]
    with (
        served(network) as address,
        visit(address, width=width, dark=width == 400, downloads=tmp_path) as page,
    ):
        wait_for(page, "document.querySelector('#network').textContent.includes('tiny.onnx')")
        drop(page, files)
        wait_for(page, "document.querySelector('#message').textContent.startsWith('3 answered')")
        known = page.evaluate("document.querySelector('#network').textContent")
        assert "Kinds that it tells apart: crevice, pitting." in known
        said = page.evaluate("document.querySelector('#list').innerText")
        assert "<b>.png" in said  # as text
        assert "No answer: no image of a known kind" in said
        assert page.evaluate("document.querySelectorAll('.card .overlay[src]').length") == 2
        page.evaluate(
            "(() => { const s = document.querySelector('#strength'); s.value = 25;"
            " s.dispatchEvent(new Event('input')); })()"
        )
        assert page.evaluate("document.querySelector('.overlay').style.opacity") == "0.25"
        page.evaluate("document.querySelector('#save').click()")
        table = tmp_path / "predictions.csv"
        deadline = time.monotonic() + 60
        while not table.is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        looked = page.look()
    with table.open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"./=a,b.png", "<b>.png", "bad.jpg"}
    assert float(rows["<b>.png"]["probability"]) > 0
    for row in rows.values():
        detected = row["decision"] == "corrosion detected"
        assert (row["kind"] in ("crevice", "pitting")) == bool(row["kind_probability"]) == detected
        assert not detected or f"kind: {row['kind']}" in said
    assert rows["bad.jpg"]["error"] == "no image of a known kind"
    assert rows["bad.jpg"]["probability"] == ""
    assert looked.overflow == 0
    assert [one for one in looked.errors if "422" not in one] == []
    assert {one.partition("/")[0] for one in looked.requests} <= {"http:", "blob:"}
    assert all(address in one for one in looked.requests)


@needs_chromium
def test_the_page_asks_for_the_token(network, photographs):
    with served(network, TOKEN) as address, visit(address) as page:
        wait_for(page, "!document.querySelector('#unlock').hidden")
        assert page.evaluate("document.querySelector('#upload').hidden")
        page.press(*"wrong", "Enter")
        wait_for(page, "document.querySelector('#message').textContent.includes('not the token')")
        page.evaluate("document.querySelector('#token').value = ''")
        page.press(*TOKEN, "Enter")
        wait_for(page, "!document.querySelector('#upload').hidden")
        drop(page, [("a.png", photographs[0])])
        wait_for(page, "document.querySelector('#message').textContent.startsWith('1 answered')")
        assert page.evaluate("document.querySelectorAll('.card .overlay[src]').length") == 1
