"""The list of assets for maintenance: their probability, risk and order, in every deliverable."""

import csv
from dataclasses import replace

import pytest
from browser import needs_chromium, visit
from hypothesis import given
from hypothesis import strategies as st
from inspection_folders import CLASSES, row, write_folder

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.evaluation.asset_probability import asset_probability
from corrosion.report.inspection import read_inspection
from corrosion.report.inspection.assets import maintenance_of
from corrosion.report.inspection.consequences import read_consequences
from corrosion.report.inspection.verdict_history import CORRODED, NOT_CORRODED, Verdict
from corrosion.settings.prediction import PredictionSettings

chances = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@pytest.fixture
def folder(tmp_path):
    """Four assets: b has most rust, a the highest probability, c is sound, d can't be read."""
    rows = [
        row(0, 0.99, asset="a", rusted_share=0.02),
        row(1, 0.10, asset="a", rusted_share=0),
        row(2, 0.80, asset="b", rusted_share=0.30),
        row(3, 0.02, asset="c", rusted_share=0),
        row(4, 0.70, asset="", rusted_share=0.9),
    ]
    return write_folder(tmp_path / "out", [*rows, {"path": "d.heic", "error": "?", "asset": "d"}])


def consequences(path, text="asset,consequence\na,100\nb,1\nc,5\n"):
    path.write_text(text, encoding="utf-8")
    return path


def table(folder):
    with (folder / "assets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def ranked(folder, **changes):
    return maintenance_of(replace(read_inspection(folder), **changes))


@given(chances, st.integers(2, 5))
def test_an_asset_is_as_likely_corroded_however_often_its_photographs_are_copied(some, copies):
    assert asset_probability(some * copies) == pytest.approx(asset_probability(some))


@given(chances, st.floats(0, 1))
def test_a_probability_of_an_asset_lies_between_those_of_its_photographs(some, other):
    tolerance = 2e-6  # no photograph counts as certain
    assert min(some) - tolerance <= asset_probability(some) <= max(some) + tolerance
    higher = [max(other, one) for one in some]
    assert asset_probability(higher) >= asset_probability(some) - 1e-12


def test_one_doubtful_photograph_says_less_among_many_sound_ones():
    said = [asset_probability([0.9] + (count - 1) * [0.02]) for count in (1, 5, 50)]
    assert said == sorted(said, reverse=True)
    assert said[0] == pytest.approx(0.9)


def test_assets_come_by_share_without_consequences_and_by_risk_with_them(folder, tmp_path):
    assert main(["inspection-report", str(folder)]) == 0
    first = table(folder)
    assert [one["asset"] for one in first] == ["d", "b", "a", "c"]
    assert first[1]["photograph"] == "photos/tank 0/2.jpg"
    assert (first[1]["worst_share"], first[1]["risk_basis"]) == ("0.300000", "worst share")
    assert first[1]["consequence"] == first[0]["risk"] == first[0]["risk_basis"] == ""
    assert first[0]["note"] == "1 of 1 not read"
    file = consequences(tmp_path / "consequences.csv")
    assert main(["inspection-report", str(folder), "--consequence", str(file)]) == 0
    second = table(folder)
    assert [one["asset"] for one in second] == ["d", "a", "b", "c"]
    assert [one["risk"] for one in second] == ["", "2", "0.3", "0"]
    assert second[1]["risk_basis"] == "worst share x consequence"
    assert main(["inspection-report", str(folder), "--report", "geojson"]) == 0
    assert table(folder) == second  # the numbers are kept with the results


def test_the_worst_frame_of_a_video_is_named_with_its_time(tmp_path):
    film = {"path": "flight.mp4", "asset": "mast"}
    rows = [row(0, 0.6), *(row(n, n / 5, frame=30 * n, time=f"{n}.000", **film) for n in (2, 4))]
    folder = write_folder(tmp_path, rows)
    assert main(["inspection-report", str(folder)]) == 0
    found = {one["asset"]: (one["photograph"], one["frame"], one["time"]) for one in table(folder)}
    assert found["mast"] == ("flight.mp4", "120", "4.000")
    assert found["tank 0"] == ("photos/tank 0/0.jpg", "", "")


def test_reports_with_a_list_of_before_are_named(folder, tmp_path, capsys):
    assert main(["inspection-report", str(folder), "--report", "xlsx,pdf,geojson"]) == 0
    assert "of before" not in capsys.readouterr().out
    assert main(["inspection-report", str(folder), "--report", "html"]) == 0
    assert "of before" not in capsys.readouterr().out  # nothing has changed
    file = consequences(tmp_path / "consequences.csv")
    assert main(["inspection-report", str(folder), "--consequence", str(file)]) == 0
    said = capsys.readouterr().out
    assert "inspection.xlsx, inspection.pdf: of before this; renew by" in said
    assert "--report xlsx,pdf\n" in said


def test_without_masks_the_probability_stands_for_the_share(tmp_path):
    rows = [row(n, 0.2 + n / 5, asset=f"t{n}") for n in range(3)]
    for one in rows:
        del one["rusted_share"]
    found = ranked(write_folder(tmp_path, rows), consequences={"t0": 9, "t1": 1, "t2": 1, "x": 1})
    assert [one.name for one in found.rows] == ["t0", "t2", "t1"]
    assert found.basis == "probability x consequence"
    assert "Shares need masks" in found.notes[0]
    assert found.notes[-1] == "Consequences of assets without photographs: x."


def test_an_asset_without_consequence_stands_at_the_end_and_is_named(folder):
    found = ranked(folder, consequences={"a": 1, "c": 2})
    assert [(one.name, one.risk) for one in found.rows] == [
        ("d", None), ("a", 0.02), ("c", 0), ("b", None),
    ]  # fmt: skip
    assert any("No consequence is given for d, b" in note for note in found.notes)
    assert any("1 photographs have no asset" in note for note in found.notes)


def test_what_nobody_knows_comes_first_by_consequence(tmp_path):
    rows = [
        row(0, 0.9, asset="rusty", rusted_share=0.5),
        row(1, 0.9, asset="not outlined", rusted_share=0.0),
        {"path": "c.jpg", "error": "cut short", "asset": "not read"},
    ]
    told = {"rusty": 5, "not outlined": 1, "not read": 9}
    found = ranked(write_folder(tmp_path, rows), consequences=told)
    assert [(one.name, one.risk) for one in found.rows] == [
        ("not read", None), ("not outlined", None), ("rusty", 2.5),
    ]  # fmt: skip
    assert any("Look at them first" in note for note in found.notes)


def test_equal_risks_come_by_probability_then_by_name(tmp_path):
    rows = [row(n, p, asset=name, rusted_share=0) for n, (name, p) in
            enumerate((("z", 0.1), ("b", 0.3), ("a", 0.1)))]  # fmt: skip
    assert [one.name for one in ranked(write_folder(tmp_path, rows)).rows] == ["b", "a", "z"]


def test_an_inspector_comes_before_the_network(folder):
    inspection = read_inspection(folder)
    found = list(inspection.findings)
    found[2] = replace(found[2], verdict=Verdict(found[2].path, verdict=NOT_CORRODED))
    found[3] = replace(found[3], verdict=Verdict(found[3].path, verdict=CORRODED))
    rows = {one.name: one for one in ranked(folder, findings=tuple(found)).rows}
    assert (rows["b"].probability, rows["b"].worst_share) == (0, 0)
    assert rows["c"].probability > 0.999
    assert rows["c"].note == "corrosion, but no rust could be outlined"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asset;consequence\na;1\n", "must name the columns asset and consequence"),
        ("asset,consequence\na,1\na,2\n", "'a' stands there twice, the second time in line 3"),
        ("asset,consequence\na,high\n", "the consequence of 'a' is 'high'"),
        ("asset,consequence\na,-1\n", "give a number from 0 on"),
        ("asset,consequence\na,inf\n", "give a number from 0 on"),
        ("asset,consequence\na\n", "the consequence of 'a' is None"),
        ("asset,consequence\n,1\n", "line 2 names no asset"),
        ("asset,consequence\n", "names no asset"),
    ],
)
def test_a_table_of_consequences_that_can_not_be_meant_is_refused(tmp_path, text, said):
    with pytest.raises(CorrosionError, match=said):
        read_consequences(consequences(tmp_path / "c.csv", text))


def test_consequences_of_other_assets_are_refused_and_change_nothing(folder, tmp_path, capsys):
    file = consequences(tmp_path / "c.csv", "asset,consequence\nbridge,1\n")
    assert main(["inspection-report", str(folder), "--consequence", str(file)]) == 1
    assert "names none of the assets of these photographs (a, b, c, d), but bridge" in (
        capsys.readouterr().err
    )
    assert not (folder / "assets.csv").exists()
    with pytest.raises(CorrosionError, match="tell by asset how assets are named"):
        PredictionSettings(consequence=file)


def test_photographs_without_assets_make_no_list(tmp_path):
    write_folder(tmp_path, [{"path": "a.jpg", "probability": 0.9, "decision": CLASSES[0]}])
    assert main(["inspection-report", str(tmp_path), "--report", "html,xlsx,pdf"]) == 0
    assert not (tmp_path / "assets.csv").exists()


def test_workbook_and_report_on_paper_have_the_list(folder):
    openpyxl, pypdf = pytest.importorskip("openpyxl"), pytest.importorskip("pypdf")
    assert main(["inspection-report", str(folder), "--report", "xlsx,pdf"]) == 0
    sheet = openpyxl.load_workbook(folder / "inspection.xlsx")["Maintenance"]
    rows = [[cell.value for cell in one] for one in sheet.iter_rows()]
    head = next(number for number, one in enumerate(rows) if one[0] == "Rank")
    listed = [dict(zip(rows[head], one, strict=True)) for one in rows[head + 1 :]]
    assert [one["Asset"] for one in listed] == ["d", "b", "a", "c"]
    assert (listed[1]["Risk"], listed[1]["Worst photograph"]) == (0.3, "2.jpg")
    assert any("worst share" in str(one[0]) for one in rows[:head])
    text = "".join(one.extract_text() for one in pypdf.PdfReader(folder / "inspection.pdf").pages)
    assert "For maintenance" in text
    assert "3 · 2.jpg" in text
    assert "d: 1 of 1 not read." in text


@needs_chromium
def test_the_list_on_the_page_is_sorted_and_leads_to_photographs(folder):
    assert main(["inspection-report", str(folder)]) == 0
    names = "[...document.querySelectorAll('#assets tbody th')].map((one) => one.innerText)"
    head = "document.querySelectorAll('#assets thead button')"
    with visit(folder / "inspection.html") as page:
        assert page.evaluate(names) == ["d", "b", "a", "c"]
        page.evaluate(f"{head}[6].click()")
        assert page.evaluate(names) == ["a", "b", "c", "d"]  # by probability, unknown last
        page.evaluate(f"{head}[6].click()")
        assert page.evaluate(names) == ["c", "b", "a", "d"]
        page.evaluate("document.querySelector('[data-asset=a]').click()")
        assert page.evaluate("shown.map((card) => card.n).join()") == "0,1"
        page.evaluate("document.querySelector('#assets [data-number=\"2\"]').click()")
        assert page.evaluate("shown[current].n") == 2
        assert page.look().errors == ()
