import numpy as np
import pytest
from PIL import Image

from corrosion.data.prepare import prepare_records
from corrosion.errors import CorrosionError

COMMON = {
    "split": [0.7, 0.2, 0.1], "split_file": None, "on_bad_image": "warn", "max_megapixels": 10,
    "classes": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))


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
    records = prepare_records(config, seed=0)
    assert records.groupby("source", observed=True).size().to_dict() == {"ships": 20, "bridges": 20}
    train = records[records["split"] == "train"]
    assert train.groupby(["source", "label"], observed=True).size().tolist() == [7, 7, 7, 7]


def test_a_copy_in_another_source_goes_where_the_original_goes(tmp_path):
    roots = [
        photos(tmp_path / "ships", "rust", "clean"),
        photos(tmp_path / "copies", "rust", "clean"),
    ]
    config = {**COMMON, "source": "folder", "root": [str(root) for root in roots]}
    records = prepare_records(config, seed=0)
    assert (records.groupby("content_hash")["split"].nunique() == 1).all()


def test_two_sources_of_one_name_are_an_error(tmp_path):
    config = {**COMMON, "source": "folder", "root": [str(tmp_path / "a"), str(tmp_path / "b/../a")]}
    with pytest.raises(CorrosionError, match="source's name"):
        prepare_records(config, seed=0)


def paper(root):
    return {
        **COMMON, "source": "paper", "root": str(root),
        "sources": [
            {"name": "marine", "folder": "marine", "url": "https://example.org/marine",
             "images": {"corrosion": 10, "no_corrosion": 12}},
        ],
    }  # fmt: skip


def test_a_missing_set_of_the_study_is_an_error_that_says_where_to_get_it(tmp_path):
    with pytest.raises(CorrosionError, match="https://example.org/marine"):
        prepare_records(paper(tmp_path), seed=0)


def test_counts_other_than_the_papers_are_reported(tmp_path, caplog):
    photos(tmp_path / "marine", "rust", "clean")
    assert len(prepare_records(paper(tmp_path), seed=0)) == 20
    assert "'no_corrosion': 10" in caplog.text
    assert "'no_corrosion': 12" in caplog.text


def test_an_unknown_source_is_an_error_that_lists_the_choices():
    with pytest.raises(CorrosionError, match="sample, folder or paper"):
        prepare_records({**COMMON, "source": "web"}, seed=0)
