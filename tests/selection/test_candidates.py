import logging
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from corrosion.data.images import content_hash
from corrosion.errors import CorrosionError
from corrosion.selection.candidates import find_candidates

pytestmark = pytest.mark.usefixtures("cache")


def listed(folder):
    return sorted(map(str, folder.iterdir()))


def labelled(*paths):
    return pd.DataFrame(
        {
            "path": [str(path) for path in paths],
            "content_hash": [content_hash(Path(path).read_bytes()) for path in paths],
        }
    )


def names(candidates):
    return [Path(path).stem for path in candidates.records["path"]]


def test_without_a_run_all_pictures_may_be_chosen(photos):
    found = find_candidates(listed(photos))
    assert names(found) == list("012345")
    assert (found.unreadable, found.labelled, found.duplicates) == (0, 0, 0)


def test_labelled_photographs_and_their_near_duplicates_are_passed_over(photos, drawn, tmp_path):
    drawn(3, side=200).save(tmp_path / "seen.jpg", quality=60)
    known = labelled(tmp_path / "seen.jpg", photos / "5.png")
    found = find_candidates(listed(photos), known)
    assert names(found) == list("0124")
    assert found.labelled == 2


def test_of_near_duplicates_the_largest_stays(photos, drawn):
    drawn(1, side=200).save(photos / "large.jpg", quality=60)
    drawn(1, side=32).save(photos / "small.png")
    found = find_candidates(listed(photos))
    assert names(found) == ["0", "2", "3", "4", "5", "large"]
    assert found.duplicates == 2


def test_copies_of_labelled_photographs_that_have_moved_are_known(photos, drawn, caplog):
    known = labelled(photos / "2.png")
    drawn(2, side=200).save(photos / "version.jpg")  # of a picture that is known by its copy
    with caplog.at_level(logging.WARNING):
        found = find_candidates(listed(photos), known.assign(path="/gone/2.png"))
    assert names(found) == list("01345")
    assert "1 of 1 labelled photographs are not where the run found them" in caplog.text
    assert "/gone/2.png" in caplog.text


def test_runs_that_kept_no_hashes_are_read_too(photos):
    known = labelled(photos / "2.png").drop(columns="content_hash")
    assert names(find_candidates(listed(photos), known)) == list("01345")


def test_unreadable_files_are_counted(photos):
    (photos / "text.jpg").write_text("no photograph")
    assert find_candidates(listed(photos)).unreadable == 1
    with pytest.raises(CorrosionError, match="1 of 1 images can't be read"):
        find_candidates([str(photos / "text.jpg")])


def test_crops_of_labelled_photographs_and_of_each_other_are_passed_over(draw_scene, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in (1, 2):
        Image.fromarray(draw_scene(seed)).save(folder / f"{seed}.png")
    Image.fromarray(draw_scene(2)[50:, 60:]).save(folder / "part.png")
    Image.fromarray(draw_scene(1)[50:, 60:]).save(tmp_path / "seen.png")
    found = find_candidates(listed(folder), labelled(tmp_path / "seen.png"))
    assert names(found) == ["2"]
    assert (found.labelled, found.duplicates) == (1, 1)
    alike = find_candidates(listed(folder), cropped_duplicates=False)
    assert names(alike) == ["1", "2", "part"]
