"""Shares on surfaces that were drawn or marked: the page, its file, and masks measured again."""

import csv
import json
import time

import numpy as np
import pytest
from browser import needs_chromium, visit
from hypothesis import given
from hypothesis import strategies as st
from inspection_folders import row, write_folder
from PIL import Image

from corrosion.cli.main import main
from corrosion.explanation.grades import grade
from corrosion.report.inspection.surfaces import filled, read_drawn

INTERVAL = {"scale": 0.5, "photographs": 20, "own": True}
LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


@pytest.fixture
def folder(tmp_path):
    """Two photographs of 100 x 40 pixels, rusted in their left quarters."""
    rows = []
    for number in range(2):
        rust = np.zeros((40, 100), dtype=np.uint8)
        rust[:, :25] = 255
        (tmp_path / "out/masks").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rust).save(tmp_path / f"out/masks/{number}.png")
        measured = {
            "mask": f"masks/{number}.png",
            "rusted_share": "0.250000",
            "grade_iso4628_3": "Ri 5",
            "grade_astm_d610": "",
            "grade_imo_coating": "",
            "distribution": "S",
            "regions": 1,
            "largest_region": "0.250000",
            "surface": "whole photograph",
            "sha256": f"{number}" * 64,
            "error": "",
        }
        rows.append(row(number, 0.9, **measured))
    counts = {"images": 2, "detected": 2, "review": 0, "failed": 0}
    return write_folder(tmp_path / "out", rows, counts=counts, share_interval=INTERVAL)


def drawn(path, *surfaces):
    path.write_text(json.dumps({"surfaces": surfaces}), encoding="utf-8")
    return path


def table(folder):
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_masks_are_measured_again_on_what_was_drawn(folder, tmp_path, capsys):
    before = table(folder)
    file = drawn(tmp_path / "saved.json", {"path": before[0]["path"], "regions": [LEFT]})
    assert main(["inspection-report", str(folder), "--surface", str(file)]) == 0
    assert "2 masks measured again, 1 of them on a surface" in capsys.readouterr().out
    first, second = table(folder)
    assert first["surface"] == "drawn region"
    share, low, high = (
        float(first[name]) for name in ("rusted_share", "rusted_share_low", "rusted_share_high")
    )
    assert share == pytest.approx(0.5, abs=0.02)
    reach = 0.5 * (np.sqrt(share * (1 - share)) + 0.05)
    assert (low, high) == pytest.approx((share - reach, share + reach), abs=1e-5)
    assert first["grade_iso4628_3"] == grade("iso4628_3", low, high)
    assert second["surface"] == "whole photograph"
    assert float(second["rusted_share"]) == 0.25
    assert list(first) == list(before[0])
    page = (folder / "inspection.html").read_text(encoding="utf-8")
    assert page.count('"surface":"of the drawn region"') == 1
    assert page.count('"drawn":[[[0.0,0.0],[0.5,0.0]') == 1

    assert main(["inspection-report", str(folder), "--surface", "whole"]) == 0
    assert [one["rusted_share"] for one in table(folder)] == ["0.250000"] * 2
    assert not (folder / "surfaces.json").exists()


def test_what_was_drawn_belongs_to_the_photograph_wherever_it_lies_now(folder, tmp_path):
    file = drawn(
        tmp_path / "saved.json",
        {"path": "elsewhere/a.jpg", "sha256": "1" * 64, "regions": [LEFT]},
        {"path": table(folder)[0]["path"], "sha256": "f" * 64, "regions": [LEFT]},  # another file
    )
    assert main(["inspection-report", str(folder), "--surface", str(file)]) == 0
    assert [one["surface"] for one in table(folder)] == ["whole photograph", "drawn region"]


def test_a_surface_that_can_not_be_measured_is_the_error_of_its_row(folder, tmp_path, capsys):
    (tmp_path / "marked").mkdir()
    Image.fromarray(np.zeros((40, 100), dtype=np.uint8)).save(tmp_path / "marked/0.png")
    assert main(["inspection-report", str(folder), "--surface", str(tmp_path / "marked")]) == 0
    assert "1 failed" in capsys.readouterr().out
    first, second = table(folder)
    assert first["error"].startswith("not measured: ")
    assert first["rusted_share"] == ""
    assert second["rusted_share"] == "0.250000"
    assert json.loads((folder / "run.json").read_text())["counts"]["failed"] == 1
    assert main(["inspection-report", str(folder), "--surface", "whole"]) == 0
    assert table(folder)[0]["error"] == ""


def test_a_table_in_parquet_is_measured_again_too(folder, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rows = pandas.read_csv(folder / "predictions.csv", dtype={"sha256": str}, keep_default_na=False)
    rows.to_parquet(folder / "predictions.parquet")
    (folder / "predictions.csv").unlink()
    file = drawn(tmp_path / "saved.json", {"path": rows["path"][1], "regions": [LEFT]})
    assert main(["inspection-report", str(folder), "--surface", str(file)]) == 0
    found = pandas.read_parquet(folder / "predictions.parquet")
    assert found["rusted_share"].tolist() == pytest.approx([0.25, 0.5], abs=0.02)
    assert found["surface"].tolist() == ["whole photograph", "drawn region"]


@pytest.mark.parametrize(
    ("surface", "message"),
    [
        ("auto", "Draw it on the inspection page"),
        ("nowhere", "surface=nowhere: give a folder of masks, a surfaces.json"),
        ('{"surfaces": [{"path": "a.jpg", "regions": [[[0, 0], [1, 1]]]}]}', "regions"),
        ('{"surfaces": [{"path": "a.jpg", "regions": [[[0, 0], [1, 1], [2, 0]]]}]}', "regions"),
        ("[]", "Give the file that the inspection page saves"),
    ],
)
def test_a_surface_that_is_none_is_refused_and_nothing_is_changed(
    folder, tmp_path, capsys, surface, message
):
    if surface[0] in "[{":
        (tmp_path / "bad.json").write_text(surface)
        surface = str(tmp_path / "bad.json")
    before = (folder / "predictions.csv").read_bytes()
    assert main(["inspection-report", str(folder), "--surface", surface]) == 1
    assert message in capsys.readouterr().err
    assert (folder / "predictions.csv").read_bytes() == before


def test_a_folder_without_masks_is_refused(tmp_path, capsys):
    write_folder(tmp_path / "out", [row(1, 0.9)])
    assert main(["inspection-report", str(tmp_path / "out"), "--surface", "whole"]) == 1
    assert "has no masks" in capsys.readouterr().err


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1)).map(tuple), min_size=3, max_size=8, unique=True
    ),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_any_region_fits_into_its_photograph_and_is_not_empty(corners, height, width):
    mask = filled((tuple(corners),), (height, width))
    assert mask.shape == (height, width)
    assert mask.any()


@needs_chromium
def test_a_surface_is_drawn_by_clicks_and_by_keys_and_measured(folder, tmp_path):
    assert main(["inspection-report", str(folder)]) == 0
    page_file = folder / "inspection.html"
    with visit(page_file, downloads=tmp_path) as page:
        page.press("Enter")
        page.wait_until("document.querySelector('.frame img')?.naturalWidth > 1")
        page.press("d")
        for x, y in ((0, 0), (0.5, 0), (0.5, 1), (0, 1)):
            page.evaluate(click(x, y))
        page.press("Enter", "Escape", "j")  # closes the region, ends drawing, the next photograph
        page.press("d", " ", *["ArrowRight"] * 10, " ", *["ArrowDown"] * 10, " ", "Enter", "Escape")
        assert page.evaluate("large.open")  # Escape has ended the drawing alone
        assert "1 drawn region" in page.evaluate(
            "document.querySelector('.surface-said').textContent"
        )
        page.evaluate("[...document.querySelectorAll('.surfaces button')].at(-1).click()")
        page.wait_until("$('message').textContent.startsWith('Saved: surfaces.json (2)')")
        assert not page.look().errors
        page.load()  # what was drawn is kept
        assert page.evaluate("CARDS.filter((card) => regionsOf(card).length).length") == 2
    [file] = wait_for(tmp_path)
    by_path = read_drawn(file).by_name
    [by_clicks], [by_keys] = (by_path[one["path"], ""].regions for one in table(folder))
    np.testing.assert_allclose(by_clicks, LEFT, atol=0.02)
    np.testing.assert_allclose(by_keys, [(0.5, 0.5), (0.6, 0.5), (0.6, 0.6)], atol=1e-5)
    assert main(["inspection-report", str(folder), "--surface", str(file)]) == 0
    assert {one["surface"] for one in table(folder)} == {"drawn region"}


def click(x, y):
    """A click on a place of the enlarged photograph, in shares of its sides."""
    return (
        "(() => { const svg = document.querySelector('svg.surface'), box = svg.viewBox.baseVal;"
        f"const at = new DOMPoint({x} * box.width, {y} * box.height)"
        ".matrixTransform(svg.getScreenCTM());"
        "for (const name of ['pointerdown', 'pointerup'])"
        "document.querySelector('.stage').dispatchEvent(new PointerEvent(name,"
        "{ bubbles: true, isPrimary: true, pointerId: 1, clientX: at.x, clientY: at.y })); })()"
    )


def wait_for(downloads):
    deadline = time.monotonic() + 30
    while not (files := list(downloads.glob("surfaces*.json"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return files
