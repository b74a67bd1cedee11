"""One picture in two folders of kinds."""

import shutil

import numpy as np
import pytest
from PIL import Image

from corrosion.data.kind_labels import COLUMN
from corrosion.data.prepare import prepare_records
from corrosion.errors import CorrosionError
from corrosion.settings.data import DataSettings


@pytest.fixture
def photos(tmp_path, draw_scene):
    """20 photographs of each of two kinds and 20 sound ones; one pit is there as a film too, and
    one, saved again, as a film likewise."""
    for number, name in enumerate(("rust/pitting", "rust/uniform", "clean")):
        (tmp_path / name).mkdir(parents=True)
        for seed in range(20):
            picture = Image.fromarray(draw_scene(100 * number + seed, 120, 160))
            picture.save(tmp_path / name / f"{seed}.png")
    shutil.copy(tmp_path / "rust" / "pitting" / "3.png", tmp_path / "rust" / "uniform" / "copy.png")
    with Image.open(tmp_path / "rust" / "pitting" / "5.png") as image:
        image.save(tmp_path / "rust" / "uniform" / "again.jpg", quality=80)
    return tmp_path


def prepared(photos, **changes):
    settings = DataSettings(source="folder", root=photos, kinds="subfolders", **changes)
    return prepare_records(settings)


def kinds(found):
    table = found.records
    names = ["/".join(path.split("/")[-2:]) for path in table["path"]]
    return dict(zip(names, table[COLUMN], strict=True))


def test_a_picture_of_two_kinds_has_none_and_teaches_corrosion_as_before(photos, caplog):
    found = prepared(photos)
    told = kinds(found)
    assert told["pitting/3.png"] == told["pitting/5.png"] == told["uniform/again.jpg"] == ""
    assert told["pitting/4.png"] == "pitting"
    assert told["uniform/4.png"] == "uniform"
    assert "4 images have a copy or near-duplicate of another kind of corrosion" in caplog.text
    plain = prepare_records(DataSettings(source="folder", root=photos))
    without = found.records.drop(columns=COLUMN)
    assert np.array_equal(without.to_numpy(), plain.records.to_numpy())
    assert found.left_out.equals(plain.left_out)


def test_such_pictures_are_refused_by_name_on_demand(photos):
    with pytest.raises(CorrosionError, match="4 images have a copy") as raised:
        prepared(photos, on_conflict="error")
    assert "pitting/3.png (pitting)" in str(raised.value)
    assert "uniform/copy.png (uniform)" in str(raised.value)


def test_such_pictures_keep_their_kinds_on_demand(photos):
    told = kinds(prepared(photos, on_conflict="keep"))
    assert (told["pitting/3.png"], told["uniform/again.jpg"]) == ("pitting", "uniform")
