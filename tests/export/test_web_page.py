"""The inspector in one HTML file: what is in it, and, in a browser, what it says and saves."""

import base64
import gzip
import io
import re
import time
import zipfile
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from browser import needs_chromium, visit
from PIL import ExifTags, Image, PngImagePlugin

from corrosion.cli.main import main
from corrosion.data.dataset import load_image
from corrosion.data.photograph_facts import photograph_facts
from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.export.export_checkpoint import export_checkpoint
from corrosion.export.web_runtime import web_runtime
from corrosion.models.checkpoint import load_model, store_mask_network
from corrosion.models.mask_network import MaskNetwork
from corrosion.prediction.verdicts import merge_verdicts
from corrosion.report.inspection import read_inspection
from corrosion.report.inspection.verdict_history import read_verdicts
from corrosion.runtime import load
from corrosion.runtime.described import describe_file
from corrosion.settings.export import ExportSettings

EVIL = "<img src=x onerror=document.title='hacked'>.png"
FACTS = ("taken_at", "latitude", "longitude", "altitude", "direction", "camera", "sha256")


@pytest.fixture(scope="module")
def inspector(exported, tmp_path_factory):
    """The page of a tiny network with all outputs, and the network in it."""
    try:
        web_runtime()
    except CorrosionError as error:
        pytest.skip(str(error))
    root = tmp_path_factory.mktemp("inspector")
    checkpoint, network = root / "tiny.ckpt", load_model(exported.checkpoint)
    torch.manual_seed(0)
    masks = MaskNetwork(network.backbone, network.mean, network.std)
    store_mask_network(exported.checkpoint, masks, checkpoint)
    settings = ExportSettings(photographs=exported.photographs, count=2)
    page = export_checkpoint(checkpoint, root / "inspector.html", settings).path
    model = re.search(rb'id="model" data-sha256="\w+">([^<]*)<', page.read_bytes())
    (root / "inner.onnx").write_bytes(
        gzip.decompress(base64.b85decode(model[1].replace(b".", b"<")))
    )
    return SimpleNamespace(page=page, network=load(root / "inner.onnx"), checkpoint=checkpoint)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory, draw_scene):
    """Twenty photographs of the kinds that cameras make, and a file that is none."""
    root = tmp_path_factory.mktemp("photographs")

    def save(name, seed, height, width, **options):
        Image.fromarray(draw_scene(seed, height, width)).save(root / name, **options)

    for seed in range(7):
        save(f"{seed}.png", seed, 50 + 37 * seed, 230 - 21 * seed)
    for seed, side in enumerate((90, 150, 300, 600, 1100)):  # decoded at 1, 1, 1/4, 1/8, 1/8
        save(f"{side}.jpg", seed, side, side + 31, quality=90)
    for orientation in (2, 3, 5, 6, 8):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        save(f"turned {orientation}.jpg", orientation, 141, 200, quality=95, exif=exif)
    save("lossless.webp", 8, 100, 140, lossless=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Maker", "Maker Ω 2"
    exif.get_ifd(ExifTags.IFD.Exif).update({36867: "2025:05:01 10:20:30", 36881: "+02:00"})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "S", 2: (47.0, 30.0, 9.5), 3: "W", 4: (8.0, 15.0, 0.25), 6: 430.25, 17: 359.5}
    )
    save("placed.jpg", 9, 90, 130, exif=exif)
    clear = np.dstack([draw_scene(11, 80, 90), draw_scene(12, 80, 90)[..., 0]])
    Image.fromarray(clear, "RGBA").save(root / EVIL)
    (root / "broken.jpg").write_bytes(b"\xff\xd8 no photograph")
    return sorted(root.iterdir())


CHOOSE = (
    "(() => { const one = document.querySelector('%s'); one.value = '%s';"
    "one.dispatchEvent(new Event('change')); })()"
)


def wait(page, count):
    page.wait_until("!document.getElementById('ready').textContent.startsWith('Getting')")
    assert page.evaluate("document.getElementById('ready').textContent") == "Ready."
    page.wait_until(f"PHOTOS.length === {count} && !document.body.ariaBusy && !waiting.length")


@pytest.fixture(scope="module")
def seen(inspector, photographs, tmp_path_factory):
    """What the page says of the photographs, and what an inspector who uses keys saves."""
    downloads = tmp_path_factory.mktemp("downloads")
    with visit(inspector.page, downloads=downloads) as page:
        page.choose_files("#files", *photographs)
        wait(page, 21)
        first = page.look()
        page.evaluate("$('inspector').value = 'A. Smith'")
        page.press("c", "n", "k", "m")
        page.evaluate("$('note').value = '=1+1, \"rust\"'")
        page.press("Escape", "j", "j", "r", "2", "0")  # the kinds: crevice and pitting
        page.evaluate(CHOOSE % (".current select", "crevice"))
        page.press("j", "1", "k", "n", "s")  # of no kind after all
        page.evaluate("$('save-all').click()")
        for name in ("verdicts.csv", "inspection.zip"):
            until = time.monotonic() + 60
            while not (downloads / name).is_file() and time.monotonic() < until:
                time.sleep(0.05)
        with zipfile.ZipFile(downloads / "inspection.zip") as archive:
            assert archive.testzip() is None
            archive.extractall(downloads / "inspection")
        yield SimpleNamespace(
            page=page,
            first=first,
            last=page.look(),
            folder=downloads / "inspection",
            files=downloads,
        )


@needs_chromium
def test_probabilities_are_those_of_python(inspector, photographs, seen):
    good = [path for path in photographs if path.name != "broken.jpg"]
    assert len(good) == 20
    known = inspector.network.predict(good)
    findings = {one.path: one for one in read_inspection(seen.folder).findings}
    for path, expected in zip(good, known, strict=True):
        found = findings[path.name]
        assert found.probability == pytest.approx(expected.probability, abs=1e-5), path
        assert found.decision == expected.decision
        assert found.review == expected.review
        assert found.unlike_training == pytest.approx(expected.unlike_training, abs=0.02)


@needs_chromium
def test_facts_are_those_of_python(photographs, seen):
    findings = {one.path: one for one in read_inspection(seen.folder).findings}
    for path in photographs:
        known = photograph_facts(path.read_bytes())
        assert {name: getattr(findings[path.name], name) for name in FACTS} == {
            name: getattr(known, name) for name in FACTS
        }
    placed = findings["placed.jpg"]
    assert (placed.latitude, placed.taken_at) == (-47.5026389, "2025-05-01T10:20:30+02:00")


@needs_chromium
def test_the_share_of_rust_is_that_of_the_mask_over_the_photograph(inspector, photographs, seen):
    resize, shares = build_resize(64, "pad"), 0
    for one in read_inspection(seen.folder).findings:
        if one.share is None:
            assert not one.detected
            continue
        [path] = [path for path in photographs if path.name == one.path]
        if path.suffix == ".png" and path.name != EVIL:
            pixels = np.array(Image.open(path))
            batch = resize(pixels).transpose(2, 0, 1)[None]
            [mask] = inspector.network.run(np.ascontiguousarray(batch), ["mask"])["mask"]
            inside = resize.place(*pixels.shape[:2]).target.cut(mask)
            assert one.share == pytest.approx(float((inside > 0.5).mean()), abs=1e-3)
            shares += 1
    assert shares


@needs_chromium
def test_nothing_leaves_the_page(inspector, seen):
    for opened in (seen.first, seen.last):
        assert opened.requests[0] == inspector.page.as_uri()
        assert all(address.startswith("blob:null/") for address in opened.requests[1:])
        assert opened.failed == opened.errors == ()
    text = inspector.page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)


@needs_chromium
def test_a_file_that_is_no_photograph_is_named_and_the_others_go_on(seen):
    [broken] = [one for one in read_inspection(seen.folder).findings if one.path == "broken.jpg"]
    assert broken.error == "no photograph: give JPEG, PNG or WebP"
    assert "21 photographs looked at" in seen.first.text
    assert "1 failed" in seen.first.text
    assert EVIL in seen.first.text


@needs_chromium
def test_verdicts_given_by_keys_are_saved_and_merged(photographs, seen):
    saved = read_verdicts(seen.files / "verdicts.csv")
    names = [path.name for path in photographs]
    assert [(one.path, one.verdict, one.kind, one.note) for one in saved] == [
        (names[0], "corroded", "", ""),
        (names[1], "not", "", '=1+1, "rust"'),
        (names[3], "review", "", ""),
        (names[4], "corroded", "pitting", ""),
        (names[5], "corroded", "other", ""),
        (names[6], "corroded", "crevice", ""),
        (names[7], "not", "", ""),
    ]
    assert {one.inspector for one in saved} == {"A. Smith"}
    assert (seen.folder / "verdicts.csv").read_bytes() == (seen.files / "verdicts.csv").read_bytes()
    inspection = read_inspection(seen.folder)
    assert inspection.known_kinds == ("crevice", "pitting")
    merged = merge_verdicts(inspection, saved, source=seen.files / "verdicts.csv")
    assert merged.new == 7


@needs_chromium
def test_reports_are_made_of_what_the_page_saves(seen, capsys):
    for one in read_inspection(seen.folder).findings:
        if one.error is None:
            for file in (one.thumbnail, one.overlay, one.evidence):
                assert Image.open(seen.folder / file).size[0] > 1
    assert main(["inspection-report", str(seen.folder), "--report", "geojson,html"]) == 0
    assert "inspection.html" in capsys.readouterr().out


@needs_chromium
def test_a_telephone_a_keyboard_and_a_screen_reader_are_enough(inspector, photographs):
    with visit(inspector.page, width=400, height=800, dark=True) as page:
        page.choose_files("#camera", photographs[0])
        page.choose_files("#files", photographs[1])
        wait(page, 2)
        assert page.look().overflow == 0
        page.press("j")
        label = page.evaluate("document.activeElement.ariaLabel")
        assert label.startswith(f"{photographs[1].name}; 0.")
        page.press("Enter")
        assert page.evaluate("document.activeElement.className") == "stage"
        assert page.look().overflow == 0
        page.press("c")
        assert "corroded" in page.evaluate("$('message').textContent")
        page.press("Escape", "?")
        page.evaluate("$('by-keys').click()")
        page.press("Escape", "n")
        assert page.evaluate("PHOTOS.map((one) => one.said.verdict)") == [None, "corroded"]
        page.evaluate("enlarge(); document.querySelector('#large select').focus()")
        page.evaluate(CHOOSE % ("#large select", "pitting"))
        page.wait_until(  # in the dialog, as what is behind it is not
            f"heard.textContent === '{photographs[1].name}: corroded: pitting' &&"
            " $('large').contains(heard)"
        )
        assert page.evaluate("document.activeElement.ariaLabel").startswith("kind of corrosion of")
        assert page.evaluate("PHOTOS[1].card.ariaLabel").endswith("verdict: corroded: pitting")
        assert page.look().overflow == 0
        page.press("Escape")
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, input, select, textarea')].filter((one) =>"
            " !one.ariaLabel && !one.textContent.trim() && !one.labels?.length).length"
        )
        assert nameless == 0
        small = page.evaluate(
            "[...document.querySelectorAll('.card :is(button, select), .take label, #bar button')]"
            ".filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).length"
        )
        assert small == 0
        page.evaluate("KINDS.length = 0; show(PHOTOS[1])")  # as where the network tells none
        assert page.evaluate("PHOTOS[1].card.querySelector('select')") is None


@needs_chromium
@pytest.mark.parametrize("mode", ["pad", "reflect", "crop", "stretch"])
def test_pixels_are_those_of_python_in_every_mode(photographs, seen, mode):
    exact = [
        number
        for number, path in enumerate(photographs)
        if path.suffix in (".png", ".webp") and path.name != EVIL
    ]
    for size in (48, 150):  # smaller and larger than photographs are
        for number in exact[:5]:
            found = seen.page.evaluate(
                f"decodedByBrowser(PHOTOS[{number}].file).then((bitmap) =>"
                f" Array.from(squareOfBitmap(bitmap, false, {size}, '{mode}')))"
            )
            pixels = np.array(Image.open(photographs[number]).convert("RGB"))
            known = build_resize(size, mode)(pixels).transpose(2, 0, 1)
            np.testing.assert_array_equal(np.reshape(found, (3, size, size)), known)


def in_page(page, content, size, expression):
    """A square of the network's input as an expression makes it of a file's `content`."""
    text = base64.b64encode(content).decode()
    found = page.evaluate(
        f"(async (content) => {expression})(Uint8Array.from(atob('{text}'),"
        f" (sign) => sign.charCodeAt(0)).buffer).then((found) => Array.from(found))"
    )
    return np.reshape(found, (3, size, size))


@needs_chromium
@pytest.mark.parametrize("sampling", [444, 422, 420, 440, 411, None])
@pytest.mark.parametrize("progressive", [0, 1])
def test_jpegs_are_decoded_as_by_python_at_every_scale(seen, draw_scene, sampling, progressive):
    noise = np.random.default_rng(0).normal(0, 60, (203, 331, 3))  # so that colours leave the range
    pixels = (draw_scene(5, 203, 331) + noise).clip(0, 255).astype(np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    if sampling is None:
        pixels = pixels[..., 0]
    else:
        kind = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, kind, cv2.IMWRITE_JPEG_RST_INTERVAL, 7]
    content = cv2.imencode(".jpg", pixels, options)[1].tobytes()
    for size in (110, 101, 50, 25):  # at 1, 1/2, 1/4 and 1/8
        known = load_image("scene.jpg", build_resize(size, "stretch"), content=content)
        own = f"(await decodedByPage(content, 1, {size}, 'stretch')).square"
        found = in_page(seen.page, content, size, own)
        np.testing.assert_array_equal(found, known.transpose(2, 0, 1))


@needs_chromium
def test_no_browser_gets_the_colours_that_a_png_asks_for(seen, draw_scene):
    asked, file = PngImagePlugin.PngInfo(), io.BytesIO()
    asked.add(b"gAMA", (100_000).to_bytes(4, "big"))
    Image.fromarray(draw_scene(5, 70, 90)).save(file, "PNG", pnginfo=asked)
    known = load_image("scene.png", build_resize(48, "stretch"), content=file.getvalue())
    for kept, same in (("withoutColours(new Blob([content]), content)", True), ("file", False)):
        managed = (  # as browsers decode that don't leave colours alone
            f"((file) => createImageBitmap({kept}))(new Blob([content])).then((bitmap) =>"
            f" squareOfBitmap(bitmap, false, 48, 'stretch'))"
        )
        found = in_page(seen.page, file.getvalue(), 48, managed)
        assert np.array_equal(found, known.transpose(2, 0, 1)) == same


@needs_chromium
def test_jpegs_that_only_the_browser_decodes_are_named(inspector, tmp_path, draw_scene):
    scene = Image.fromarray(draw_scene(5, 150, 180))
    scene.convert("CMYK").save(tmp_path / "printed.jpg")
    scene.save(tmp_path / "unfinished.jpg", progressive=True)
    whole = (tmp_path / "unfinished.jpg").read_bytes()
    (tmp_path / "unfinished.jpg").write_bytes(whole[: whole.rfind(b"\xff\xda")] + b"\xff\xd9")
    with visit(inspector.page) as page:
        page.choose_files("#files", *sorted(tmp_path.iterdir()))
        wait(page, 2)
        text = page.look().text
        assert "Decoded by the browser: it is a JPEG of 4 components, as CMYK is." in text
        assert "it is a progressive JPEG without all of its scans." in text
        assert page.evaluate("PHOTOS.every((one) => one.p > 0)")
        assert page.evaluate("resultTable()").count("Decoded by the browser") == 2


def test_the_file_says_what_it_is_and_that_it_has_changed(inspector, tmp_path, capsys):
    known = describe_file(inspector.page)
    inner = inspector.network.metadata
    assert known == inner.replace(sha256=known.sha256)
    assert known.sha256 != inner.sha256
    assert main(["info", str(inspector.page)]) == 0
    assert known.sha256 in capsys.readouterr().out
    changed = tmp_path / "changed.html"
    changed.write_bytes(
        inspector.page.read_bytes().replace(b"corrosion detected", b"corrosion found")
    )
    assert main(["info", str(changed)]) == 1
    assert "has changed since it was written" in capsys.readouterr().err


@needs_chromium
def test_a_network_that_has_changed_is_not_run(inspector, tmp_path):
    page = re.sub(rb'(id="model" data-sha256=")\w', rb"\1x", inspector.page.read_bytes())
    (tmp_path / "changed.html").write_bytes(page)
    with visit(tmp_path / "changed.html") as opened:
        opened.wait_until("document.getElementById('ready').className === 'bad'")
        assert "has changed since it was written" in opened.look().text


def test_predicting_with_the_page_is_refused_with_the_way_out(inspector, photographs, capsys):
    assert main(["predict", str(inspector.page), str(photographs[0])]) == 1
    assert "--out model.onnx" in capsys.readouterr().err
