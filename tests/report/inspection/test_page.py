"""The inspection page: what it holds, and, in a browser, what an inspector does on it."""

import csv
import json
import re
import time
from html import unescape

import pytest
from browser import needs_chromium, visit
from inspection_folders import CLASSES, row, write_folder
from PIL import Image

from corrosion.cli.main import main
from corrosion.evaluation.kind_competence import KindCompetence
from corrosion.report.inspection import read_inspection

EVIL = "</script><script>document.title='hacked'</script><img src=x onerror=alert(1)>'\".jpg"


@pytest.fixture
def folder(tmp_path):
    """Eight photographs of two tanks, four of them corroded, and a broken one."""
    rows = [
        row(n, p, latitude=59 + n / 1000, longitude=18)
        for n, p in enumerate((0.05, 0.95, 0.6, 0.9, 0.4, 0.0, 0.2, 0.8))
    ]
    rows[1] |= {"kind": "crevice", "kind_probability": 0.8}
    rows[3] |= {"kind": "pitting", "kind_probability": 0.9}
    broken = {"path": "photos/broken.heic", "error": "no image of a known kind", "asset": "tank 0"}
    return write_folder(tmp_path / "out", [*rows, broken], cautions=["Read this first."])


def cards(page):
    """Numbers of the photographs that are shown, in their order."""
    names = page.evaluate("shown.map((card) => card.name).join(' ')")
    return [name.split(".")[0] for name in names.split()]


def pick(page, name, value):
    page.evaluate(
        f"(() => {{ const one = document.getElementById('{name}'); one.value = '{value}';"
        f"one.dispatchEvent(new Event('change')); one.dispatchEvent(new Event('input')); }})()"
    )


def test_the_page_opens_with_what_was_found(folder, capsys):
    assert main(["inspection-report", str(folder)]) == 0
    written = [folder / name for name in ("assets.csv", "inspection.html")]
    assert capsys.readouterr().out == "".join(f"{file}\n" for file in written)
    page = (folder / "inspection.html").read_text(encoding="utf-8")
    for fact in (
        "<b>9</b> photographs",
        "<b>4</b> corrosion detected",
        "<b>2</b> for an inspector",
    ):
        assert fact in page
    assert "<b>1</b> failed" in page
    assert "from a probability of 0.5; an inspector decides from 0.3 to 0.7." in page
    assert 'class="band"' in page
    assert "<li>photos/broken.heic: no image of a known kind</li>" in page
    assert '<p class="warning">Read this first.</p>' in page
    assert page.count("<circle") == 8
    assert "500 m, north is up" in page
    assert re.findall(r'data-asset="(tank \d)"', page) == ["tank 1", "tank 0"]  # 7 % and 2 %


def test_a_report_that_there_is_not_is_refused(folder, capsys):
    assert main(["inspection-report", str(folder), "--report", "html,word"]) == 1
    assert "--report=html,word: choose among html" in capsys.readouterr().err


def test_a_folder_without_positions_and_assets_has_neither_map_nor_table(tmp_path):
    row = {"path": "a.jpg", "probability": 0.9, "decision": CLASSES[0]}
    write_folder(tmp_path, [row], band=[0.5, 0.5])
    assert main(["inspection-report", str(tmp_path)]) == 0
    page = (tmp_path / "inspection.html").read_text(encoding="utf-8")
    assert "<circle" not in page
    assert "By asset" not in page
    assert "from a probability of 0.5; the network decides all by itself." in page
    assert 'class="band"' not in page
    assert "shaded range" not in page


@needs_chromium
def test_names_and_notes_are_text_and_nothing_else(tmp_path):
    write_folder(tmp_path, [row(1, 0.9, path=EVIL, asset=EVIL, error=EVIL)])
    assert main(["inspection-report", str(tmp_path)]) == 0
    with visit(tmp_path / "inspection.html") as page:
        page.press("Enter")
        opened = page.look()
        assert page.evaluate("document.title") == "Corrosion inspection"
        assert (
            page.evaluate("document.querySelector('.card .name').textContent")
            == f"1 · {EVIL.split('/')[-1]}"
        )
        assert page.evaluate("document.querySelectorAll('[onerror], script').length") == 2
    assert opened.errors == ()
    assert all(request.startswith("file://") for request in opened.requests)


@needs_chromium
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_fits_its_window(folder, tmp_path, width):
    (tmp_path / "costs.csv").write_text("asset,consequence\ntank 0,1200000\n")
    command = ["inspection-report", str(folder), "--consequence", str(tmp_path / "costs.csv")]
    assert main(command) == 0
    stacked = "document.getElementById('assets').classList.contains('is-stacked')"
    hidden = (  # of the list of assets, in pixels
        "(() => { const one = document.querySelector('.assets .scroll');"
        "return one.scrollWidth - one.clientWidth; })()"
    )
    with visit(folder / "inspection.html", width=width) as page:
        assert (page.evaluate(stacked), page.evaluate(hidden)) == (width == 400, 0)
        page.evaluate("document.body.style.maxWidth = '700px'")
        page.wait_until(stacked)
        assert page.evaluate(hidden) == 0
        page.evaluate("document.body.style.maxWidth = ''")
        opened = page.look()
    assert (opened.overflow, opened.errors, opened.failed) == (0, (), ())
    assert "broken.heic" in opened.text


@needs_chromium
def test_an_inspector_sorts_filters_judges_by_keyboard_and_saves(folder, tmp_path, capsys):
    assert main(["inspection-report", str(folder)]) == 0
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    with visit(folder / "inspection.html", downloads=downloads) as page:
        assert cards(page) == ["1", "3", "7", "2", "4", "6", "0", "5", "broken"]
        pick(page, "sort", "uncertainty")
        assert cards(page)[:2] == ["2", "4"]
        pick(page, "sort", "share")
        assert cards(page)[:3] == ["7", "6", "5"]
        pick(page, "sort", "clear")
        assert cards(page)[:2] == ["5", "0"]
        pick(page, "asset", "tank 1")
        assert cards(page) == ["5", "7", "3", "1"]
        pick(page, "asset", "")
        pick(page, "decision", "failed")
        assert cards(page) == ["broken"]
        pick(page, "decision", "")
        pick(page, "review", "review")
        assert cards(page) == ["4", "2"]
        pick(page, "review", "")
        pick(page, "kind", "pitting")
        assert cards(page) == ["3"]
        pick(page, "kind", "")
        pick(page, "search", "crevice")
        assert cards(page) == ["1"]
        pick(page, "search", "tank 0/2")
        assert cards(page) == ["2"]
        pick(page, "search", "")
        pick(page, "sort", "probability")
        pick(page, "inspector", "Ada")
        page.press("c", "n", "c", "j", "k", "r", "n")  # of 1, 3, 7, 2 and 4
        page.press("k", "m")
        page.evaluate("document.getElementById('note').value = '=seam, \"left\"'")
        page.evaluate("document.getElementById('keep').click()")
        page.load()  # nothing is lost
        assert page.evaluate("document.getElementById('judged').textContent") == "5"
        pick(page, "verdict", "review")
        assert cards(page) == ["2"]
        pick(page, "verdict", "not")
        assert cards(page) == ["3", "4"]
        pick(page, "verdict", "against")
        assert cards(page) == ["3"]
        page.evaluate("window.showSaveFilePicker = undefined")  # as in browsers without it
        page.press("s")
        file = downloads / "verdicts.csv"
        for _ in range(200):
            if file.is_file() and file.stat().st_size:
                break
            time.sleep(0.05)
        opened = page.look()
    assert opened.errors == ()
    assert "Saved: verdicts.csv" in opened.text
    assert main(["verdicts", str(folder), str(file)]) == 0
    told = capsys.readouterr().out
    assert "5 verdicts: 5 new" in told
    assert "on the 4 photographs that both decide" in told
    assert "accuracy 0.750" in told
    said = {
        one.name: (one.verdict.verdict, one.verdict.inspector, one.verdict.note)
        for one in read_inspection(folder).findings
        if one.verdict is not None
    }
    assert said == {
        "1.jpg": ("corroded", "Ada", ""),
        "3.jpg": ("not", "Ada", ""),
        "7.jpg": ("corroded", "Ada", ""),
        "2.jpg": ("review", "Ada", ""),
        "4.jpg": ("not", "Ada", '=seam, "left"'),
    }
    with visit(folder / "inspection.html") as page:  # in another browser the merged ones are there
        assert page.evaluate("document.getElementById('judged').textContent") == "5"


@needs_chromium
def test_an_inspector_says_kinds_by_keys_and_by_choice(folder, capsys):
    assert main(["inspection-report", str(folder)]) == 0
    choose = (
        "(() => { const one = document.querySelector('.current select.kind');"
        "one.value = '%s'; one.dispatchEvent(new Event('change')); })()"
    )
    chosen = "document.querySelector('.current select.kind').value"
    heard = "document.getElementById('heard').textContent === '%s'"
    with visit(folder / "inspection.html") as page:
        pick(page, "inspector", "Ada")
        page.press("2")  # of 1, in which the network sees a crevice
        page.wait_until(heard % "1.jpg: corroded: pitting")
        page.press("k")
        assert page.evaluate(chosen) == "pitting"
        page.press("j")
        page.evaluate(choose % "pitting")  # of 3, as the network says: corroded is said with it
        page.press("j", "1", "k", "n", "0")  # 7 is not corroded after all, 2 is of another kind
        page.wait_until(heard % "2.jpg: corroded: another kind")
        page.load()
        pick(page, "kind", "pitting")
        assert cards(page) == ["1", "3"]
        pick(page, "kind", "")
        pick(page, "verdict", "against")
        assert cards(page) == ["1", "7"]
        pick(page, "verdict", "")
        page.press("Enter")
        given = "document.querySelector('#large .given').textContent"
        assert page.evaluate(given).startswith("Verdict: corroded: pitting (Ada, ")
        label = "document.querySelector('#large select').ariaLabel"
        assert page.evaluate(label) == "kind of corrosion of 1.jpg"
        page.press("2")  # heard in the dialog, as what is behind it is not
        page.wait_until(heard % "1.jpg: corroded: pitting" + " && large.contains(heard)")
        written = page.evaluate("csv()")
        assert page.look().errors == ()
    (folder / "v.csv").write_text(written)
    assert main(["verdicts", str(folder), str(folder / "v.csv")]) == 0
    assert "kind as the inspector says, where both say one: 0.500" in capsys.readouterr().out
    said = {
        one.name: (one.verdict.verdict, one.verdict.kind)
        for one in read_inspection(folder).findings
        if one.verdict is not None
    }
    assert said == {
        "1.jpg": ("corroded", "pitting"),
        "3.jpg": ("corroded", "pitting"),
        "7.jpg": ("not", ""),
        "2.jpg": ("corroded", "other"),
    }
    with visit(folder / "inspection.html") as page:  # in another browser the merged ones are there
        assert page.evaluate(chosen) == "pitting"


PICKER = """
window.files = []; window.picked = 0; window.fails = '';
window.showSaveFilePicker = async (options) => {
  window.picked += 1; window.asked = options;
  if (fails === 'cancelled') throw new DOMException('', 'AbortError');
  return { name: 'mine.csv', createWritable: async () => {
    if (fails) throw new Error(fails);
    let text = '';
    return { write: async (more) => { text += more; }, close: async () => { files.push(text); } };
  } };
};
"""


@needs_chromium
def test_the_picker_of_chromium_chooses_a_file_that_is_kept_up_to_date(folder):
    assert main(["inspection-report", str(folder)]) == 0
    message = "document.getElementById('message').textContent"
    unsaved = "document.getElementById('save').textContent"
    with visit(folder / "inspection.html") as page:
        page.evaluate(PICKER)
        pick(page, "inspector", "Ada")
        page.press("c")  # of 1
        page.evaluate("window.fails = 'cancelled'")
        page.press("s")
        page.wait_until("picked === 1")
        assert page.evaluate(unsaved) == "Save verdicts (1)"
        page.evaluate("window.fails = 'the disk is full'")
        page.press("s")
        page.wait_until(f"{message}.startsWith('Not saved: the disk is full')")
        assert page.evaluate(unsaved) == "Save verdicts (1)"
        page.evaluate("window.fails = ''")
        page.press("s")
        page.wait_until("files.length === 1")
        page.wait_until(f"{message}.startsWith('Saved: mine.csv.')")
        assert page.evaluate("asked.suggestedName") == "verdicts.csv"
        assert page.evaluate(unsaved) == "Save verdicts"
        page.press("n")  # of 3: written a moment later, without being asked again
        page.wait_until("files.length === 2")
        written = page.evaluate("files[1]")
        assert page.evaluate("picked") == 3
        assert page.look().errors == ()
    rows = {row["path"]: row for row in csv.DictReader(written.splitlines())}
    assert {path: (row["verdict"], row["inspector"]) for path, row in rows.items()} == {
        "photos/tank 1/1.jpg": ("corroded", "Ada"),
        "photos/tank 1/3.jpg": ("not", "Ada"),
    }


@needs_chromium
def test_the_photograph_comes_first_and_marks_when_asked_for(folder, tmp_path):
    (tmp_path / "photos" / "tank 1").mkdir(parents=True)
    Image.new("RGB", (640, 480)).save(tmp_path / "photos" / "tank 1" / "1.jpg")
    run = json.loads((folder / "run.json").read_text())
    run["asked"]["working directory"] = str(tmp_path)
    (folder / "run.json").write_text(json.dumps(run))
    for kind in ("evidence", "rust"):
        layer = folder / "thumbnails" / "000" / f"000001_a_{kind}.webp"
        Image.new("RGBA", (64, 48), (0, 200, 255, 100)).save(layer)
    assert main(["inspection-report", str(folder)]) == 0
    with visit(folder / "inspection.html", width=400) as page:
        seen = (
            "[...document.querySelectorAll('.current img')]"
            ".filter((one) => one.offsetParent).map((one) => one.className).join(' ')"
        )
        assert page.evaluate(seen) == "photograph"
        page.press("o")
        assert page.evaluate(seen) == "photograph layer layer"
        pick(page, "view", "both")
        page.evaluate("flipped.clear(); layOut()")
        assert page.evaluate(seen) == "photograph photograph layer layer"
        page.press("Enter")
        assert page.evaluate("document.querySelectorAll('#large .frame .layer').length") == 2
        link = "[...document.querySelectorAll('#large a')].map((one) => one.getAttribute('href'))"
        assert page.evaluate(f"{link}.join(' ')") == "../photos/tank%201/1.jpg"
        page.press("+", "j")
        assert "3.jpg" in page.evaluate("document.getElementById('large').innerText")
        opened = page.look()
    assert (opened.errors, opened.failed) == ((), ())


@needs_chromium
def test_thousands_of_photographs_are_elements_only_while_they_are_in_view(tmp_path):
    write_folder(tmp_path, [row(n, n / 2000, thumbnail="thumbnails/a.jpg") for n in range(2000)])
    assert main(["inspection-report", str(tmp_path)]) == 0
    with visit(tmp_path / "inspection.html") as page:
        count = "document.querySelectorAll('.card').length"
        assert page.evaluate(count) < 30
        page.evaluate("choose(1990)")
        assert page.evaluate(count) < 30
        assert page.evaluate("document.querySelector('.current .name').textContent") == "10 · 9.jpg"
        printed = page.printed()
        assert printed.count(b"/Type /Page\n") > 100 or printed.count(b"/Type /Page") > 100


@needs_chromium
def test_enlarging_judges_nothing_and_shows_the_verdict_that_was_given(folder):
    assert main(["inspection-report", str(folder)]) == 0
    given = "document.querySelector('#large .given').textContent"
    pressed = "document.querySelectorAll('#large [aria-pressed=true]').length"
    with visit(folder / "inspection.html") as page:
        page.press("Enter", "Enter", "Enter")
        assert page.evaluate("document.activeElement.className") == "stage"
        assert page.evaluate("document.getElementById('judged').textContent") == "0"
        assert page.evaluate(given) == "No verdict yet"
        assert page.evaluate(pressed) == 0
        pick(page, "inspector", "Ada")
        page.press("c", "k")  # the next one is enlarged, and back
        assert page.evaluate(given).startswith("Verdict: corroded (Ada, ")
        assert page.evaluate(pressed) == 1
        page.press("u")
        assert page.evaluate(given) == "No verdict yet"
        assert page.look().errors == ()


@needs_chromium
def test_title_and_inspector_of_the_command_are_on_the_page(folder):
    given = ["--title", "Tanks <May>", "--inspector", "Ada"]
    assert main(["inspection-report", str(folder), *given]) == 0
    inspector = "document.getElementById('inspector').value"
    with visit(folder / "inspection.html") as page:
        assert page.evaluate("document.title") == "Tanks <May>"
        assert page.evaluate("document.querySelector('h1').textContent") == "Tanks <May>"
        assert "photos; best.ckpt" in page.look().text
        assert page.evaluate(inspector) == "Ada"
        pick(page, "inspector", "Bo")
        page.load()  # Bo's verdicts are not signed by Ada
        assert page.evaluate(inspector) == "Bo"
        assert "signed by Bo" in page.look().text


@needs_chromium
def test_a_note_is_lost_only_when_it_is_discarded(folder):
    assert main(["inspection-report", str(folder)]) == 0
    noted = "verdictOf(shown[current]).note"
    with visit(folder / "inspection.html") as page:
        for typed, leave in (("seam", "Escape"), ("other", "discard"), ("bolt", "keep")):
            page.press("m")
            page.evaluate(f"document.getElementById('note').value = '{typed}'")
            page.evaluate(
                "window.left = false; document.getElementById('noting')"
                ".addEventListener('close', () => { window.left = true; }, { once: true }); 0"
            )
            if leave == "Escape":
                page.press("Escape")
            else:
                page.evaluate(f"document.getElementById('{leave}').click()")
            page.wait_until("window.left")  # the event comes later
            assert not page.evaluate("document.getElementById('noting').open")
            assert page.evaluate(noted) == ("bolt" if leave == "keep" else "seam")
        page.press("m")
        page.evaluate("document.getElementById('note').value = 'left open'")
        page.load()
        assert page.evaluate(noted) == "left open"


@needs_chromium
@pytest.mark.parametrize("width", [400, 1400])
def test_cards_have_room_for_reasons_grades_and_errors(tmp_path, width):
    grades = {"grade_iso4628_3": "unclear", "grade_imo_coating": "GOOD to FAIR"}
    unlike = {"unlike_training": 1.3, "grade_astm_d610": "10 to 4", "tiles": 9}
    sides = {"width": 1600, "height": 900}
    rows = [row(1, 0.6, **grades, **unlike, **sides)]
    rows += [row(2, 0.9996, rusted_share=0.0001, **grades, **sides)]
    placed = {"latitude": 47.5, "longitude": 8.25, "altitude": 400, "direction": 90}
    rows += [row(3, 0.93, rusted_share=0, **placed), row(4, 0.0001, rusted_share=0)]
    error = "HEIC can't be read: convert it with heif-convert, or let the telephone export JPEG"
    rows += [{"path": "photos/broken.heic", "error": error}]
    assert main(["inspection-report", str(write_folder(tmp_path, rows))]) == 0
    cut = (
        "[...document.querySelectorAll('.facts, .wraps')].filter((one) =>"
        "one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1).length"
    )
    menus = (  # those that are narrower than their longest choice
        "[...document.querySelectorAll('#filters select')].filter((one) => {"
        "const is = one.offsetWidth; one.style.width = 'max-content';"
        "one.parentElement.style.alignItems = 'start'; one.parentElement.style.maxWidth = 'none';"
        "return one.offsetWidth > is; }).map((one) => one.id).join(' ')"
    )
    gaps = (  # of each card, between its last line and its verdicts
        "[...document.querySelectorAll('.card')].map((one) => one.querySelector('.verdicts')"
        ".getBoundingClientRect().top - one.querySelector('.said').previousElementSibling"
        ".getBoundingClientRect().bottom)"
    )
    shape = (  # of the picture of the first card
        "(() => { const one = document.querySelector('.card .pictures');"
        "return one.clientHeight / one.clientWidth; })()"
    )
    texts = "[...document.querySelectorAll('.card')].map((one) => one.innerText)"
    with visit(tmp_path / "inspection.html", width=width, height=4000) as page:
        assert page.evaluate(cut) == 0
        assert max(page.evaluate(gaps)) < 12
        if width == 400:  # a card a row
            assert page.evaluate(shape) == pytest.approx(900 / 1600, abs=0.01)
        page.evaluate("fold(false)")
        assert page.evaluate(menus) == ""
        certain, rusty, unclear, clean, broken = page.evaluate(texts)
        errors = page.look().errors
    assert ">0.999" in certain
    assert "Rusted: <0.1 % of the picture (90 % between 0.0 % and 50.0 %)" in certain
    assert "Unlike the training" in unclear
    assert "IMO GOOD to FAIR" in unclear
    assert "ISO 4628-3: grade unclear" in unclear
    assert unclear.count("50") == 1  # the interval is told once
    outlined = ["no rust could be outlined" in one for one in (certain, rusty, unclear, clean)]
    assert outlined == [False, True, False, False]
    assert "47.500000, 8.250000, 400 m, looking 90°" in rusty
    assert "<0.001" in clean
    assert error in broken
    assert "no picture" in broken
    assert errors == ()


@needs_chromium
def test_photographs_of_one_place_are_a_point_with_their_number_that_shows_them(tmp_path):
    places = [(47.0, 8.0)] * 3 + [(47.001, 8.0), (47.001, 8.001)]
    rows = [
        row(number, (0.1, 0.9, 0.2, 0.4, 0.3)[number], latitude=latitude, longitude=longitude)
        for number, (latitude, longitude) in enumerate(places)
    ]
    assert main(["inspection-report", str(write_folder(tmp_path, rows))]) == 0
    page = (tmp_path / "inspection.html").read_text(encoding="utf-8")
    assert page.count("<circle") == 3
    assert "<title>3 photographs here\n1.jpg, 0.900\n2.jpg, 0.200\n0.jpg, 0.100</title>" in page
    press = "document.querySelector('{}').dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"
    with visit(tmp_path / "inspection.html", width=1000) as opened:
        opened.evaluate(press.format('.detected[data-numbers="1 2 0"]'))
        assert cards(opened) == ["1", "2", "0"]
        assert "3 of 5 shown, of one place" in opened.evaluate("$('shown').innerText")
        opened.evaluate(press.format("#shown button"))
        assert len(cards(opened)) == 5
        text = "document.querySelector('svg g ~ text').getBoundingClientRect().height"
        assert opened.evaluate(text) > 14  # the scale can be read


@pytest.mark.parametrize("guessed", [True, False])
def test_kinds_at_chance_are_called_a_guess_on_the_page_and_on_each_card(tmp_path, guessed):
    known = KindCompetence(0.9, 0.7, 0.98, 0.95, 30, "pitting", 0.8, 0.2 if guessed else 0.001)
    cautions = [known.caution] if known.caution else []
    rows = [row(1, 0.9, kind="pitting", kind_probability=0.7)]
    folder = write_folder(tmp_path, rows, cautions=cautions, kinds=["pitting", "uniform"])
    assert main(["inspection-report", str(folder)]) == 0
    page = (folder / "inspection.html").read_text(encoding="utf-8")
    assert ("Kinds of corrosion can't be told from guessing: accuracy 0.900" in unescape(page)) == (
        guessed
    )
    assert f'"kind":"pitting (0.700){", a guess" if guessed else ""}"' in page


def test_photographs_without_position_are_counted(folder, tmp_path):
    assert main(["inspection-report", str(folder)]) == 0
    page = (folder / "inspection.html").read_text(encoding="utf-8")
    assert "1 of 9 have no known position, and are not on the map" in page
    bare = write_folder(tmp_path / "bare", [row(1, 0.9)])
    assert main(["inspection-report", str(bare)]) == 0
    page = (bare / "inspection.html").read_text(encoding="utf-8")
    assert "There is no map: 1 of 1 have no known position" in page
