"""`corrosion audit`: what it finds, writes and returns."""

import json

import numpy as np
import pytest
from browser import needs_chromium, visit
from PIL import Image

from corrosion.cli.main import main

pytestmark = pytest.mark.usefixtures("cache")


def photos(root, *folders, count=8, seed=0):
    """Blotches of different colours: no two alike."""
    generator = np.random.default_rng(seed)
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for index in range(count):
            blotches = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(blotches).resize((128, 96), Image.Resampling.BICUBIC)
            picture.save(root / folder / f"{index}.png")
    return root


def export(path, to):
    """The photograph as another export makes it: flipped, smaller, recompressed."""
    to.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((96, 80))
    picture.save(to, quality=70)


def audit(tmp_path, *roots, code=0, options=()):
    out = tmp_path / "out"
    assert main(["audit", *map(str, roots), "--out", str(out), *options]) == code
    return json.loads((out / "audit.json").read_text())


def test_sound_folders_pass(tmp_path, capsys):
    found = audit(tmp_path, photos(tmp_path / "ships", "rust", "clean"), options=["--strict"])
    assert (found["images"], found["groups"], found["conflicts"]) == (16, [], [])
    assert found["leaks"]["official"] is None
    assert found["leaks"]["random"]["known_from_training"] == {"val": 0, "test": 0}
    assert "Findings" in capsys.readouterr().out


def test_near_duplicates_across_sources_leak_from_a_random_split_but_not_from_ours(tmp_path):
    ships = photos(tmp_path / "ships", "rust", "clean", count=20)
    bridges = photos(tmp_path / "bridges", "CORROSION", "NOCORROSION", seed=1)
    for index in range(10):
        export(ships / "rust" / f"{index}.png", bridges / "CORROSION" / f"again-{index}.jpg")
    found = audit(tmp_path, ships, bridges, options=["--strict"])
    assert (found["near_pairs"], found["pairs_across_sources"]) == (10, 10)
    assert {len(group) for group in found["groups"]} == {2}
    assert found["leaks"]["random"]["known_from_training"]["test"] > 0.5
    assert found["leaks"]["grouped"]["known_from_training"] == {"val": 0, "test": 0}
    page = (tmp_path / "out" / "audit.html").read_text()
    assert page.count("2 images, nearly the same, several sources") == 10
    assert "training keeps them together in one subset" in page


def test_leaks_of_official_subsets_fail_with_strict_alone(tmp_path, capsys):
    root = tmp_path / "ships"
    for seed, subset in enumerate(("train", "valid", "test")):
        photos(root / subset, "rust", "clean", seed=seed)
    export(root / "train" / "rust" / "1.png", root / "test" / "rust" / "again.jpg")
    export(root / "valid" / "clean" / "2.png", root / "test" / "clean" / "again.jpg")
    found = audit(tmp_path, root)
    assert found["leaks"]["official"] == {"val in train": 0, "test in train": 1, "test in val": 1}
    assert found["failed"]
    assert audit(tmp_path / "strict", root, options=["--strict"], code=1) == found
    assert "figures measured on test will be too good" in capsys.readouterr().out


def test_a_crop_in_another_official_subset_is_a_leak(draw_scene, tmp_path):
    root = tmp_path / "ships"
    for seed, subset in enumerate(("train", "test")):
        photos(root / subset, "rust", "clean", seed=seed)
    Image.fromarray(draw_scene(1)).save(root / "train" / "rust" / "whole.png")
    Image.fromarray(draw_scene(1)[50:, 60:]).save(root / "test" / "rust" / "part.png")
    found = audit(tmp_path, root)
    assert found["leaks"]["official"]["test in train"] == 1
    assert found["cropped_pairs"] == 1
    without = audit(tmp_path / "without", root, options=["--cropped-duplicates", "false"])
    assert without["leaks"]["official"]["test in train"] == 0


def test_conflicting_labels_fail_with_strict(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean")
    export(root / "rust" / "1.png", root / "clean" / "again.jpg")
    found = audit(tmp_path, root, options=["--strict"], code=1)
    assert sorted(path.split("/")[-2] for path in found["conflicts"]) == ["clean", "rust"]
    assert found["left_out"] == {"conflict": 2}


def test_bad_images_are_listed(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean")
    (root / "rust" / "broken.jpg").write_bytes(b"no image")
    Image.new("RGB", (100, 100), (90, 90, 90)).save(root / "clean" / "grey.png")
    found = audit(tmp_path, root)
    assert [entry["reason"] for entry in found["unreadable"]] == ["no image of a known kind"]
    assert [path.split("/")[-1] for path in found["suspicious"]["blank"]] == ["grey.png"]
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "1 blank images" in page
    assert "data.quality.remove=[blank]" in page


def test_folders_too_small_to_split_are_audited_all_the_same(tmp_path, caplog):
    found = audit(tmp_path, photos(tmp_path / "ships", "rust", "clean", count=2))
    assert found["images"] == 4
    assert found["leaks"]["random"] is None
    assert "no split can be tried" in caplog.text


def test_other_folder_names_are_mapped(tmp_path):
    root = photos(tmp_path / "ships", "pitted", "new", "masks")
    options = ["--corrosion", "pitted", "--no-corrosion", "new", "--ignore", "masks"]
    assert audit(tmp_path, root, options=options)["images"] == 16


def test_an_earlier_audit_is_not_overwritten(tmp_path, capsys):
    root = photos(tmp_path / "ships", "rust", "clean")
    before = audit(tmp_path, root)
    (root / "rust" / "1.png").unlink()
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 1
    assert "is there already: choose another --out" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "audit.json").read_text()) == before


@needs_chromium
def test_the_page_needs_nothing_but_itself(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean")
    export(root / "rust" / "1.png", root / "clean" / "<b>again.jpg")
    audit(tmp_path, root)
    assert "0 images" not in (tmp_path / "out" / "audit.html").read_text()
    with visit(tmp_path / "out" / "audit.html", width=400) as page:
        page.evaluate("document.querySelector('.together .frame').click()")
        assert page.evaluate("document.querySelectorAll('#enlarged[open] .photo').length") == 2
        page.press("Escape")
        opened = page.look()
    assert (opened.errors, opened.failed, opened.requests[1:]) == ((), (), ())
    assert opened.overflow == 0
    for text in (
        "Findings",
        "conflicting labels",
        "<b>again.jpg",
        "Copies and near-duplicates",
        "A label is wrong",
        "Looked for and not found: unreadable images",
    ):
        assert text in opened.text
