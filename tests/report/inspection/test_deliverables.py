"""Workbook, report on paper, map and labels of an inspection, opened as their readers open them."""

import io
import json
import os
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import CLEAN, DETECTED
from corrosion.report.inspection.coco import write_coco
from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.findings import Inspection
from corrosion.report.inspection.geojson import write_geojson
from corrosion.report.inspection.label_studio import write_label_studio
from corrosion.report.inspection.pdf import write_pdf
from corrosion.report.inspection.regions import mask_regions
from corrosion.report.inspection.reports import WRITERS
from corrosion.report.inspection.verdict_history import CORRODED, UNDECIDED, Verdict
from corrosion.report.inspection.workbook import sheet_name, write_workbook
from corrosion.settings.inspection import REPORTS, ReportSettings

FOUND = Finding(
    0,
    "photos/Мост/=1+1.jpg",
    probability=0.9,
    decision=DETECTED,
    review=True,
    why_review=("The probability is in the range that an inspector decides.",),
    share=0.25,
    share_low=0.1,
    share_high=0.5,
    grades={"ISO 4628-3": "Ri 4", "ASTM D610": "grade 3"},
    boxes=((10, 20, 30, 15),),
    thumbnail="thumbnails/a.jpg",
    evidence="thumbnails/a_evidence.webp",
    asset="=Tank 1/2",
    latitude=-33.9,
    longitude=18.4,
    altitude=12.5,
    direction=270.0,
    taken_at="2025-05-01T10:20:30+02:00",
    camera="DJI FC6310",
    sha256="ab" * 32,
    width=80,
    height=60,
    verdict=Verdict("photos/Мост/=1+1.jpg", verdict=CORRODED, note="Seam", inspector="A. Name"),
)
CLEAN_ONE = replace(
    FOUND, number=1, path="photos/b.jpg", probability=0.1, decision=CLEAN, review=False,
    why_review=(), boxes=(), verdict=None, asset="Tank 橋", latitude=None, longitude=None,
    altitude=None, evidence=None,
)  # fmt: skip
FRAME = replace(CLEAN_ONE, number=2, path="photos/c.mp4", frame=30, time=1.0, latitude=47.0,
                longitude=8.0)  # fmt: skip
BROKEN = Finding(3, "photos/d.jpg", error="the file is empty", asset="Tank 橋")


@pytest.fixture
def inspection(tmp_path):
    (tmp_path / "thumbnails").mkdir()
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (47.0, 0, 0), 3: "E", 4: (8.0, 0, 0)})
    Image.new("RGB", (64, 48), "brown").save(tmp_path / "thumbnails/a.jpg", exif=exif)
    layer = Image.new("RGBA", (64, 48), (0, 200, 255, 120))
    layer.save(tmp_path / "thumbnails/a_evidence.webp")
    return Inspection(
        folder=tmp_path,
        model="best.ckpt",
        threshold=0.5,
        band=(0.2, 0.95),
        cautions=("Trained on generated pictures.",),
        notes=("Shares refer to the whole photograph.",),
        when="2026-11-28T18:00:00+00:00",
        given=("photos",),
        working_directory=str(tmp_path),
        every=1.0,
        findings=(FOUND, CLEAN_ONE, FRAME, BROKEN),
        trained_on="600 photographs (ships 600), validated on 80 and tested on 90",
        title="Tanks in May",
        inspector="M. Müller",
    )


def test_every_report_that_can_be_asked_for_has_its_writer():
    assert set(WRITERS) == set(REPORTS)
    assert ReportSettings(report="pdf, xlsx").report == "pdf,xlsx"
    with pytest.raises(CorrosionError, match="choose among html, xlsx, pdf"):
        ReportSettings(report="docx")


def test_the_workbook_has_a_summary_all_photographs_and_a_sheet_an_asset(inspection):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(write_workbook(inspection))
    assert book.sheetnames == ["Summary", "Maintenance", "Photographs", "=Tank 1_2", "Tank 橋"]
    sheet = book["Photographs"]
    head = [cell.value for cell in sheet[1]]
    rows = [dict(zip(head, [cell.value for cell in row], strict=True)) for row in sheet["2:5"]]
    assert rows[0]["Name"] == "=1+1.jpg"
    assert rows[0]["Probability"] == 0.9
    assert rows[0]["Rusted share"] == 0.25
    assert (rows[0]["Verdict"], rows[0]["Note"], rows[0]["Inspector"]) == (
        "corroded", "Seam", "A. Name",
    )  # fmt: skip
    assert rows[3]["Error"] == "the file is empty"
    assert rows[3]["Probability"] is None
    assert "IMO" not in head  # a column of which nothing is known
    assert sheet.freeze_panes == "E2"
    assert sheet.auto_filter.ref.startswith("A1:")
    assert len(sheet._images) == 4  # 3 photographs, and one with its evidence
    assert [cell.value for cell in book["Tank 橋"]["D"]] == [
        "Name",
        "b.jpg",
        "c.mp4 at 1.0 s",
        "d.jpg",
    ]
    assert any("generated pictures" in str(cell.value) for cell in book["Summary"]["A"])


def test_a_second_look_is_no_judgement(inspection):
    openpyxl, pypdf = pytest.importorskip("openpyxl"), pytest.importorskip("pypdf")
    again = replace(CLEAN_ONE, verdict=Verdict(CLEAN_ONE.path, verdict=UNDECIDED))
    inspection = replace(inspection, findings=(again,))
    summary = openpyxl.load_workbook(write_workbook(inspection))["Summary"]
    said = {row[0].value: row[1].value for row in summary.iter_rows()}
    assert (said["Judged by an inspector"], said["To be looked at again"]) == (0, 1)
    body = pypdf.PdfReader(write_pdf(inspection)).pages[1].extract_text()
    assert "0 of 1" not in body
    assert {"again", "1"} <= set(body.split())


def test_no_text_of_the_workbook_is_a_formula(inspection):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(write_workbook(inspection))
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


@given(st.lists(st.text(max_size=50), max_size=6))
def test_sheets_have_names_that_excel_takes_each_once(names):
    taken: set[str] = {"summary"}
    for text in names:
        name = sheet_name(text, taken)
        assert 0 < len(name) <= 31
        assert not set(name) & set("[]:*?/\\")
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.casefold() not in taken
        taken.add(name.casefold())


def test_the_report_on_paper_says_what_was_found_where_and_by_whom(inspection):
    pypdf = pytest.importorskip("pypdf")
    reader = pypdf.PdfReader(write_pdf(inspection))
    cover, body = (page.extract_text() for page in reader.pages)
    for text in ("Tanks in May", "best.ckpt", "ships 600", "Trained on generated pictures.",
                 "M. Müller", "Signature", "Page 1 of", "2025-05-01"):  # fmt: skip
        assert text in cover
    for text in ("=1+1.jpg", "corrosion detected (0.900)", "corroded (A. Name)", "Seam",
                 "25.0% (90% between", "ISO 4628-3 Ri 4", "-33.900000, 18.400000, 12 m",
                 "looking 270°", "the file is empty", "c.mp4 at 1.0 s"):  # fmt: skip
        assert text in body
    assert "Tank □" in body  # a letter that the font lacks
    assert len(reader.pages[1].images) == 2
    assert reader.metadata.title == "Tanks in May"


def test_pictures_in_reports_carry_no_place(inspection):
    pypdf = pytest.importorskip("pypdf")
    for image in pypdf.PdfReader(write_pdf(inspection)).pages[1].images:
        assert not Image.open(io.BytesIO(image.data)).getexif()


@given(st.text(max_size=80), st.text(max_size=300))
def test_no_text_breaks_the_report_on_paper(tmp_path_factory, name, note):
    folder = tmp_path_factory.mktemp("report")
    one = replace(
        FOUND,
        path=name,
        asset=name,
        thumbnail=None,
        verdict=Verdict(name, verdict=CORRODED, note=note),
    )
    found = Inspection(folder, name, 0.5, None, (note,), (), name, (name,), "", 1.0, (one,))
    assert write_pdf(found).read_bytes().startswith(b"%PDF")


def test_the_map_has_points_and_names_what_has_no_place(inspection, caplog):
    content = json.loads(write_geojson(inspection).read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    first, second = content["features"]
    assert first["geometry"] == {"type": "Point", "coordinates": [18.4, -33.9]}  # east comes first
    assert first["properties"]["asset"] == "=Tank 1/2"
    assert first["properties"]["verdict"] == "corroded"
    assert first["properties"].keys() == second["properties"].keys()
    assert second["properties"]["time"] == 1.0
    assert [one["path"] for one in content["without_position"]] == ["photos/b.jpg", "photos/d.jpg"]
    assert "2 of 4 photographs and frames have no position" in caplog.text


def test_coco_has_sizes_boxes_and_scores_in_pixels_of_the_photograph(inspection, caplog):
    content = json.loads(write_coco(inspection).read_text(encoding="utf-8"))
    assert [one["file_name"] for one in content["images"]] == [FOUND.path, CLEAN_ONE.path]
    assert (content["images"][0]["width"], content["images"][0]["height"]) == (80, 60)
    [annotation] = content["annotations"]
    assert annotation["bbox"] == [10, 20, 30, 15]
    assert annotation["image_id"] == content["images"][0]["id"]
    assert annotation["category_id"] == content["categories"][0]["id"]
    assert (annotation["score"], annotation["area"], annotation["segmentation"]) == (0.9, 450, [])
    assert "2 of 4 photographs and frames are not in coco.json" in caplog.text


def test_coco_has_polygons_where_there_is_a_mask(inspection):
    mask = np.zeros((60, 80), np.uint8)
    mask[10:30, 40:70] = 255
    Image.fromarray(mask).save(inspection.folder / "mask.png")
    masked = replace(inspection, findings=(replace(FOUND, mask="mask.png"),))
    [annotation] = json.loads(write_coco(masked).read_text(encoding="utf-8"))["annotations"]
    assert annotation["bbox"] == [40, 10, 30, 20]
    assert annotation["area"] == 600
    [polygon] = annotation["segmentation"]
    assert sorted(zip(polygon[::2], polygon[1::2], strict=True)) == [
        (40, 10), (40, 29), (69, 10), (69, 29),
    ]  # fmt: skip


def test_regions_of_a_mask_come_by_size_without_specks():
    mask = np.zeros((200, 300), dtype=bool)
    mask[10:20, 10:30] = mask[100:150, 100:200] = True
    mask[190, 290] = True
    mask[120:130, 120:130] = False  # a hole, which is filled
    assert [one.area for one in mask_regions(mask)] == [5000, 200]


def test_label_studio_gets_tasks_with_local_files_and_percentages(inspection, caplog):
    caplog.set_level("INFO")
    tasks = json.loads(write_label_studio(inspection).read_text(encoding="utf-8"))
    root = os.path.join(inspection.working_directory, "photos")  # noqa: PTH118
    assert f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}," in caplog.text
    first, second = tasks
    assert first["data"]["image"] == ("/data/local-files/?d=%D0%9C%D0%BE%D1%81%D1%82/%3D1%2B1.jpg")
    [prediction] = first["predictions"]
    assert prediction["model_version"] == "best.ckpt"
    choice, box = prediction["result"]
    assert choice["value"] == {"choices": ["corrosion"]}
    assert (box["original_width"], box["original_height"]) == (80, 60)
    assert box["value"] == {
        "x": 12.5, "y": 33.3333, "width": 37.5, "height": 25.0, "rotation": 0,
        "rectanglelabels": ["corrosion"],
    }  # fmt: skip
    assert [one["value"] for one in second["predictions"][0]["result"]] == [
        {"choices": ["no corrosion"]}
    ]
    interface = (inspection.folder / "label-studio.xml").read_text(encoding="utf-8")
    for result in prediction["result"]:
        assert f'name="{result["from_name"]}"' in interface


def test_label_studio_is_told_kinds_and_asks_for_them(inspection):
    named = replace(FOUND, kind='a "b" & <c>', kind_probability=0.75)
    told = replace(inspection, findings=(named, CLEAN_ONE, FRAME, BROKEN))
    first, second = json.loads(write_label_studio(told).read_text(encoding="utf-8"))
    kind = first["predictions"][0]["result"][1]
    assert (kind["from_name"], kind["score"]) == ("kind", 0.75)
    assert kind["value"] == {"choices": ['a "b" & <c>']}
    assert [one["from_name"] for one in second["predictions"][0]["result"]] == ["decision"]
    interface = ElementTree.parse(inspection.folder / "label-studio.xml")
    choices = interface.findall("Choices[@name='kind']/Choice")
    assert [one.get("value") for one in choices] == ['a "b" & <c>']
    write_label_studio(inspection)
    interface = ElementTree.parse(inspection.folder / "label-studio.xml")
    assert [one.get("name") for one in interface.findall("Choices")] == ["decision"]


def test_label_studio_is_told_what_an_inspector_has_said(inspection):
    said = Verdict(CLEAN_ONE.path, verdict="corroded", kind="pitting")
    judged = replace(CLEAN_ONE, verdict=said)
    told = replace(inspection, findings=(FOUND, judged, FRAME, BROKEN), known_kinds=("crevice",))
    _, second = json.loads(write_label_studio(told).read_text(encoding="utf-8"))
    chosen = [one["value"]["choices"] for one in second["predictions"][0]["result"]]
    assert chosen == [["corrosion"], ["pitting"]]
    interface = ElementTree.parse(inspection.folder / "label-studio.xml")
    choices = interface.findall("Choices[@name='kind']/Choice")
    assert [one.get("value") for one in choices] == ["crevice", "pitting"]
