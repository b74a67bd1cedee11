from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from corrosion.data.prepare import prepare_records
from corrosion.data.splits import write_split
from corrosion.errors import CorrosionError
from corrosion.settings.data import DataSettings

COMMON = {
    "split": [0.7, 0.2, 0.1], "split_file": None, "on_bad_image": "warn", "max_megapixels": 10,
    "near_duplicates": 6, "exact_duplicates": "drop", "on_conflict": "drop",
    "quality": {"remove": []}, "folds": None, "fold": 0,
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("cache")


def prepared(config):
    return prepare_records(DataSettings.read(config))


def photos(root, *names, count=10, seed=0):
    generator = np.random.default_rng(seed)
    for name in names:
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


def test_several_folders_are_merged_and_each_is_split(tmp_path):
    roots = [
        photos(tmp_path / "ships", "rust", "clean"),
        photos(tmp_path / "bridges", "CORROSION", "NOCORROSION", seed=1),
    ]
    config = {**COMMON, "source": "folder", "root": [str(root) for root in roots]}
    records = prepared(config).records
    assert records.groupby("source", observed=True).size().to_dict() == {"ships": 20, "bridges": 20}
    train = records[records["split"] == "train"]
    assert train.groupby(["source", "label"], observed=True).size().tolist() == [7, 7, 7, 7]


def test_a_copy_in_another_source_goes_where_the_original_goes(tmp_path):
    roots = [
        photos(tmp_path / "ships", "rust", "clean"),
        photos(tmp_path / "copies", "rust", "clean"),
    ]
    config = {**COMMON, "source": "folder", "root": [str(root) for root in roots]}
    config["exact_duplicates"] = "keep"
    records = prepared(config).records
    assert (records.groupby("content_hash").size() == 2).all()
    assert (records.groupby("content_hash")["split"].nunique() == 1).all()


def test_two_sources_of_one_name_are_an_error(tmp_path):
    config = {**COMMON, "source": "folder", "root": [str(tmp_path / "a"), str(tmp_path / "b/../a")]}
    with pytest.raises(CorrosionError, match="source's name"):
        prepared(config)


def paper(root):
    return {
        **COMMON, "source": "paper", "root": str(root),
        "sources": [
            {"name": "marine", "folder": "marine", "url": "https://example.org/marine",
             "images": {"corrosion": 10, "no_corrosion": 12}},
        ],
    }  # fmt: skip


def test_missing_sets_of_the_study_are_an_error_that_says_where_to_get_them_all(tmp_path):
    config = paper(tmp_path)
    config["sources"].append({"name": "v2", "folder": "v2", "url": "https://example.org/v2"})
    with pytest.raises(CorrosionError, match=r"example.org/marine[\s\S]*example.org/v2"):
        prepared(config)


def test_counts_other_than_the_papers_are_reported(tmp_path, caplog):
    photos(tmp_path / "marine", "rust", "clean")
    assert len(prepared(paper(tmp_path)).records) == 20
    assert "'no_corrosion': 10" in caplog.text
    assert "'no_corrosion': 12" in caplog.text


def test_an_unknown_source_is_an_error_that_lists_the_choices():
    with pytest.raises(CorrosionError, match="sample, folder or paper"):
        prepared({**COMMON, "source": "web"})


def labelled(folder, **images):
    """A source of one file an image: {"rust_1": pixels} is rust/1.png."""
    for name, pixels in images.items():
        path = folder / f"{name.replace('_', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def test_what_is_left_out_is_listed_with_the_reason_and_counted(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean")
    generator = np.random.default_rng(5)
    first, second = generator.integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    labelled(root, rust_a=first, clean_a=first, rust_b=second, rust_c=second)
    (root / "rust" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    result = prepared({**COMMON, "source": "folder", "root": str(root)})
    listed = result.left_out.assign(file=[path[-10:] for path in result.left_out["path"]])
    assert listed[["reason", "label"]].apply(tuple, axis=1).tolist() == [
        ("unreadable", 1), ("conflict", 0), ("conflict", 1), ("copy", 1),
    ]  # fmt: skip
    assert listed.columns.tolist()[:5] == ["path", "label", "source", "reason", "detail"]
    assert len(result.records) == 21
    assert not result.records["path"].isin(listed["path"]).any()
    findings = result.findings
    assert findings.images == 25
    assert findings.left_out == {"unreadable": 1, "conflict": 2, "copy": 1}
    assert (findings.copies, findings.conflicts) == (2, 2)
    assert "25 images, 4 left out (1 unreadable, 2 conflict, 1 copy)" in findings.summary()


def test_leaks_of_official_subsets_are_counted(tmp_path, caplog):
    for seed, subset in enumerate(("train", "valid", "test")):
        photos(tmp_path / "ships" / subset, "rust", "clean", count=4, seed=seed)
    near = np.random.default_rng(9).integers(0, 200, (8, 8, 3), dtype=np.uint8)
    labelled(tmp_path / "ships" / "train", rust_near=near)
    labelled(tmp_path / "ships" / "test", rust_near=near + np.uint8(1))
    config = {**COMMON, "source": "folder", "root": str(tmp_path / "ships")}
    findings = prepared(config).findings
    assert findings.leaks == {"val": 0, "test": 1}
    assert "1 images (1 test) known from training" in findings.summary()
    anew = prepared({**config, "keep_subsets": False}).findings
    assert anew.leaks == {"val": 0, "test": 0}


def test_a_copy_in_training_of_an_official_test_image_is_what_goes(tmp_path):
    for seed, subset in enumerate(("train", "valid", "test")):
        photos(tmp_path / "ships" / subset, "rust", "clean", count=4, seed=seed)
    same = np.random.default_rng(9).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for subset in ("train", "test"):
        labelled(tmp_path / "ships" / subset, rust_same=same)
    result = prepared({**COMMON, "source": "folder", "root": str(tmp_path / "ships")})
    assert [path.split("/")[-3] for path in result.left_out["path"]] == ["train"]
    assert result.findings.leaks == {"val": 0, "test": 0}


def test_images_added_later_leave_validation_and_test_as_they_were(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean", count=20)
    config = {**COMMON, "source": "folder", "root": str(root)}
    before = prepared(config).records
    write_split(before, tmp_path / "split.csv")
    tested = before[before["split"] == "test"].iloc[0]
    pixels = np.asarray(Image.open(tested["path"]))
    folder = Path(tested["path"]).parent
    Image.fromarray(pixels[::-1]).save(folder / "0flipped.png")  # sorts before the others
    Image.fromarray(pixels).save(folder / "0copy.bmp")
    grown = {**config, "split_file": str(tmp_path / "split.csv")}
    photos(tmp_path / "more", "rust", "clean", count=5, seed=1)
    grown["root"] = [str(root), str(tmp_path / "more")]
    result = prepared({**grown, "split_seed": 1})
    after = result.records.set_index("path")["split"].astype(str)
    assert after[before["path"]].tolist() == before["split"].astype(str).tolist()
    assert after.drop(before["path"]).tolist() == ["train"] * 10
    left_out = result.left_out.set_index("path")
    assert left_out["reason"].to_dict() == {
        str(folder / "0copy.bmp"): "copy",
        str(folder / "0flipped.png"): "leak",
    }
    assert (
        left_out["detail"][str(folder / "0flipped.png")]
        == f"near-duplicate of {tested['path']}, which is in validation or test"
    )


def test_folds_take_turns_as_the_test_set_and_official_subsets_count_for_nothing(tmp_path):
    root = photos(tmp_path / "ships", "train/rust", "train/clean")
    photos(root, "test/rust", "test/clean", count=2, seed=1)
    config = {**COMMON, "source": "folder", "root": str(root), "near_duplicates": None, "folds": 3}
    tested = []
    for fold in range(3):
        records = prepared({**config, "fold": fold}).records
        tested += records.loc[records["split"] == "test", "path"].tolist()
    assert sorted(tested) == sorted(records["path"])


def test_folds_that_make_no_sense_are_told_before_any_image_is_looked_for(tmp_path):
    config = {**COMMON, "source": "folder", "root": str(tmp_path / "missing"), "folds": 5}
    with pytest.raises(CorrosionError, match=r"fold=5"):
        prepared({**config, "fold": 5})


def by_source(tmp_path, **changes):
    """Two sources of 20 photographs, with a picture in both and a near-duplicate of another."""
    roots = [
        photos(tmp_path / "ships", "rust", "clean"),
        photos(tmp_path / "bridges", "CORROSION", "NOCORROSION", seed=1),
    ]
    one, other = np.random.default_rng(9).integers(0, 200, (2, 8, 8, 3), dtype=np.uint8)
    labelled(roots[0], rust_same=one, clean_near=other)
    labelled(roots[1], CORROSION_same=one, NOCORROSION_near=other + np.uint8(1))
    return {
        **COMMON,
        "source": "folder",
        "root": list(map(str, roots)),
        "folds": "source",
    } | changes


def test_each_source_is_tested_on_what_the_others_taught_and_no_image_is_known(tmp_path, caplog):
    config = by_source(tmp_path)
    caplog.set_level("INFO")
    ships, bridges = (prepared({**config, "fold": fold}) for fold in (0, 1))
    for name, other, result in (("ships", "bridges", ships), ("bridges", "ships", bridges)):
        subsets = result.records.groupby("source", observed=True)["split"].agg(set).to_dict()
        assert subsets == {name: {"test"}, other: {"train", "val"}}
        assert result.findings.leaks == {"val": 0, "test": 0}
    # the picture in both is tested once, in the source that is named first
    assert ships.findings.left_out == {"copy": 1, "leak": 1}
    assert bridges.findings.left_out == {"copy": 1, "leak": 1}
    assert [Path(path).name for path in ships.left_out["path"]] == ["same.png", "near.png"]
    assert "1 images are near-duplicates of images of ships, which is tested" in caplog.text
    tested = [
        set(one.records.loc[one.records["split"] == "test", "path"]) for one in (ships, bridges)
    ]
    assert [len(paths) for paths in tested] == [22, 21]
    assert not tested[0] & tested[1]


def test_a_fold_of_a_source_goes_on_with_its_own_split(tmp_path):
    config = by_source(tmp_path, fold=1)
    before = prepared(config)
    write_split(before.records, tmp_path / "split.csv")
    after = prepared({**config, "split_file": str(tmp_path / "split.csv"), "split_seed": 3})
    pd.testing.assert_frame_equal(after.records, before.records)
    pd.testing.assert_frame_equal(after.left_out, before.left_out)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"source": "sample"}, r"^folds=source .* a single one: give several, as root="),
        ({"source": "folder", "root": "/ships"}, r"^folds=source .* a single one"),
        ({"source": "folder", "root": ["/a", "/b"], "fold": 2}, r"^fold=2: .* 2 sources give 0 to"),
        ({"source": "folder"}, r"^root must be given[^\n]*$"),
    ],
)
def test_folds_by_source_without_such_a_source_are_told(config, told):
    with pytest.raises(CorrosionError, match=told):
        DataSettings.read({**COMMON, "folds": "source", **config})


def test_a_shortcut_is_planted_in_training_and_repeated_with_the_split(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean", count=20)
    config = {**COMMON, "source": "folder", "root": str(root), "shortcut": 0.5}
    records = prepared(config).records
    assert records.groupby(["split", "label"], observed=True)["marked"].sum().to_dict() == {
        (split, label): 7 if (split, label) == ("train", 1) else 0
        for split in ("train", "val", "test")
        for label in (0, 1)
    }
    write_split(records, tmp_path / "split.csv")
    written = pd.read_csv(tmp_path / "split.csv")
    assert written["marked"].tolist() == records["marked"].tolist()
    again = {**config, "split_file": str(tmp_path / "split.csv")}
    pd.testing.assert_frame_equal(prepared(again).records, records)
    plain = prepared({**again, "shortcut": 0}).records
    assert "marked" not in plain
    write_split(plain, tmp_path / "plain.csv")
    assert "marked" not in pd.read_csv(tmp_path / "plain.csv")


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan"), "many", True, None])
def test_a_share_of_marks_that_makes_no_sense_is_told_before_any_image_is_looked_for(share):
    config = {**COMMON, "source": "folder", "root": "/missing", "shortcut": share}
    with pytest.raises(CorrosionError, match=r"^shortcut="):
        prepared(config)


def test_the_split_has_a_seed_of_its_own(tmp_path):
    root = photos(tmp_path / "ships", "rust", "clean", count=20)
    config = {**COMMON, "source": "folder", "root": str(root)}
    first, again, other = (
        prepared({**config, "split_seed": seed}).records["split"] for seed in (0, 0, 1)
    )
    assert first.equals(again)
    assert not first.equals(other)
