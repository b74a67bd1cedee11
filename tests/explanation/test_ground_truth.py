import numpy as np
import pytest
from PIL import Image

from corrosion.data.sample import make_sample
from corrosion.errors import CorrosionError
from corrosion.explanation.ground_truth import find_annotated

HEADER = "filename,width,height,xmin,ymin,xmax,ymax\n"


def picture(path, size=(40, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 80, 70)).save(path)


def boxes(root, *rows):
    picture(root / "images" / "a.jpg")
    (root / "boxes.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))


def mask(root, values, name="rust/a.png"):
    path = root / "masks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_boxes_of_a_photograph_become_one_mask(tmp_path):
    boxes(tmp_path, "a.jpg,40,30,0,0,2,3", "a.jpg,40,30,1,2,4,4")
    [found] = find_annotated(tmp_path)
    expected = np.zeros((30, 40), dtype=bool)
    expected[0:3, 0:2] = expected[2:4, 1:4] = True
    assert found.path == tmp_path / "images" / "a.jpg"
    np.testing.assert_array_equal(found.mask(), expected)


def test_a_mask_is_where_it_is_not_black(tmp_path):
    picture(tmp_path / "images" / "rust" / "a.jpg")
    values = np.zeros((30, 40), dtype=np.uint8)
    values[5, 6], values[7, 8] = 255, 1
    mask(tmp_path, values)
    [found] = find_annotated(tmp_path)
    np.testing.assert_array_equal(found.mask(), values > 0)


def test_the_sample_has_a_mask_for_each_corroded_picture(tmp_path):
    root = make_sample(tmp_path / "sample", count=6, size=32, workers=1)
    found = find_annotated(root)
    assert [one.path.name for one in found] == ["00001.jpg", "00003.jpg", "00005.jpg"]
    assert all(one.mask().shape == (32, 32) for one in found)
    assert len(find_annotated(root, count=2)) == 2
    assert find_annotated(root, count=9) == found


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["b.jpg,40,30,0,0,2,3"], "there is no photograph b.jpg"),
        (["a.jpg,30,40,0,0,2,3"], "40 x 30 pixels, boxes.csv says another size"),
        (["a.jpg,40,30,0,0,41,3"], "leaves the photograph"),
        (["a.jpg,40,30,5,0,5,3"], "is empty or leaves"),
        (["a.jpg,40,30,x,0,5,3"], "can't be read as a table"),
        ([], "no photograph is marked"),
    ],
)
def test_bad_boxes_are_named(tmp_path, rows, message):
    boxes(tmp_path, *rows)
    with pytest.raises(CorrosionError, match=message):
        find_annotated(tmp_path)


def test_bad_masks_are_named(tmp_path):
    picture(tmp_path / "images" / "rust" / "a.jpg")
    mask(tmp_path, np.zeros((30, 40), dtype=np.uint8))
    with pytest.raises(CorrosionError, match=r"a\.png: no corrosion is marked"):
        find_annotated(tmp_path)
    mask(tmp_path, np.ones((40, 30), dtype=np.uint8))
    with pytest.raises(CorrosionError, match=r"a\.png has 30 x 40 pixels, .* 40 x 30"):
        find_annotated(tmp_path)
    mask(tmp_path, np.ones((30, 40), dtype=np.uint8))
    picture(tmp_path / "images" / "rust" / "a.png")
    with pytest.raises(CorrosionError, match=r"may mean .*a\.jpg or .*a\.png"):
        find_annotated(tmp_path)
    (tmp_path / "images" / "rust" / "a.jpg").unlink()
    (tmp_path / "images" / "rust" / "a.png").unlink()
    with pytest.raises(CorrosionError, match="there is no photograph rust/a"):
        find_annotated(tmp_path)


def test_a_folder_without_marks_is_refused(tmp_path):
    picture(tmp_path / "images" / "a.jpg")
    with pytest.raises(CorrosionError, match=r"neither masks/ nor boxes\.csv"):
        find_annotated(tmp_path)
    (tmp_path / "boxes.csv").write_text("filename,width\n")
    with pytest.raises(CorrosionError, match="can't be read as a table"):
        find_annotated(tmp_path)
    with pytest.raises(CorrosionError, match="count=0"):
        find_annotated(tmp_path, count=0)


def test_a_missing_folder_is_told_from_one_without_masks(tmp_path):
    with pytest.raises(CorrosionError, match="nowhere is no folder"):
        find_annotated(tmp_path / "nowhere")
