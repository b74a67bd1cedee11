from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from corrosion.errors import CorrosionError
from corrosion.explanation.examples import choose_examples, write_examples
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import RunDirectory
from corrosion.settings.run import ExampleSettings


def table(logits, labels, threshold=0.5, temperature=1.0):
    probability = 1 / (1 + np.exp(-np.array(logits) / temperature))
    return pd.DataFrame(
        {
            "path": [f"{index}.png" for index in range(len(logits))],
            "label": labels,
            "logit": logits,
            "prediction": (probability >= threshold).astype(int),
        }
    )


def chosen(found):
    return {kind: rows.index.tolist() for kind, rows in found.groupby("kind")}


def test_right_and_wrong_are_the_surest_and_uncertain_the_nearest_to_the_threshold():
    logits = [9.0, 5.0, -8.0, -0.1, 7.0, -6.0, 0.2, -7.0]
    labels = [1, 1, 0, 0, 0, 1, 1, 0]
    found = choose_examples(table(logits, labels), count=2, threshold=0.5)
    assert chosen(found) == {"right": [0, 2], "uncertain": [3, 6], "wrong": [4, 5]}


def test_right_examples_come_from_both_classes_in_turn():
    found = choose_examples(table([9, 8, 7, -1, -2], [1, 1, 1, 0, 0]), count=4, threshold=0.5)
    assert chosen(found)["right"] == [0, 4, 1, 3]


def test_the_threshold_and_the_temperature_say_what_is_uncertain():
    logits = [0.0, 2.0, 2.4, 8.0]
    found = choose_examples(table(logits, [1, 1, 1, 1], 0.9), count=1, threshold=0.9)
    assert chosen(found)["uncertain"] == [1]  # a logit of 2.197
    warm = choose_examples(
        table(logits, [1, 1, 1, 1], 0.9, 3.0), count=1, threshold=0.9, temperature=3.0
    )
    assert chosen(warm)["uncertain"] == [3]  # a logit of 6.6


def test_mistakes_are_not_shown_again_as_uncertain_ones():
    found = chosen(choose_examples(table([9, -9, 0.1, -0.2], [1, 0, 0, 1]), count=2, threshold=0.5))
    assert found == {"right": [0, 1], "uncertain": [1, 0], "wrong": [3, 2]}


def test_a_network_without_errors_has_no_wrong_examples():
    found = choose_examples(table([3, -3], [1, 0]), count=4, threshold=0.5)
    assert "wrong" not in chosen(found)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64).eval()


@pytest.fixture
def predicted(tmp_path):
    photographs = table([3.0, -2.0, 1.0, -0.5], [1, 0, 0, 1])
    generator = np.random.default_rng(0)
    for index, name in enumerate(("bolt.jpg", "hüll.jpg", "a" * 200 + ".jpg", "crane.jpg")):
        pixels = generator.integers(0, 256, (60, 900, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        photographs.loc[index, "path"] = str(tmp_path / name)
    return photographs


def test_examples_have_names_that_sort_and_say_what_they_are(network, predicted, tmp_path):
    run = RunDirectory(tmp_path)
    examples = write_examples(run, network, predicted, count=2)
    names = sorted(path.name for path in (tmp_path / "gradcam").glob("*.png"))
    assert [name.split("_")[0] for name in names] == [
        "right-01", "right-02", "uncertain-01", "uncertain-02", "wrong-01", "wrong-02"
    ]  # fmt: skip
    assert names[0].startswith("right-01_corrosion_0.")
    assert names[0].endswith("_bolt.png")
    assert names[1].startswith("right-02_no_corrosion_0.")
    assert names[1].endswith("_hüll.png")
    with Image.open(tmp_path / "gradcam" / names[0]) as picture:
        assert 3 * 640 < picture.width < 3 * 700  # shrunk
    assert sorted(examples["picture"]) == names
    pd.testing.assert_frame_equal(run.read_examples(), examples, check_dtype=False)
    first = examples.iloc[0]
    assert (first["kind"], first["number"], first["label"]) == ("right", 1, 1)
    assert Path(first["path"]).name == "bolt.jpg"
    assert first["probability"] == pytest.approx(1 / (1 + np.exp(-first["logit"])), abs=1e-6)


def test_examples_of_an_earlier_test_make_room_and_other_files_stay(network, predicted, tmp_path):
    run = RunDirectory(tmp_path)
    write_examples(run, network, predicted, count=1)
    for name in ("mine.png", "wrong-notes.txt"):
        (run.examples / name).write_bytes(b"")
    write_examples(run, network, predicted, count=0)
    assert sorted(path.name for path in run.examples.iterdir()) == ["mine.png", "wrong-notes.txt"]


def test_no_examples_make_no_folder(network, predicted, tmp_path):
    assert write_examples(RunDirectory(tmp_path), network, predicted, count=0) is None
    assert not (tmp_path / "gradcam").exists()


@pytest.mark.parametrize("count", [-1, 1.5, "many", None, True])
def test_the_number_of_examples_is_checked(count):
    with pytest.raises(CorrosionError, match=r"^images=.*: give a whole number from 0 to 1000\.$"):
        ExampleSettings(images=count)
