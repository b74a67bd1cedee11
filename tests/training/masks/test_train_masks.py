"""`corrosion train-masks` through its command, on tiny photographs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from samples import write_checkpoint

import corrosion
from corrosion.cli.main import main
from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.explanation.ground_truth import find_marked
from corrosion.explanation.overlay import write_image
from corrosion.models.classifier import CorrosionClassifier
from corrosion.training.masks.module import judge_masks, mask_loss
from corrosion.training.masks.photographs import MaskCrops, MaskedPhotograph, divide, read_marked

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def checkpoint(tmp_path):
    write_checkpoint(tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


def draw(root, count, *, seed=0):
    """Grey plates with noise and a brown rectangle somewhere."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        image = generator.normal(125, 20, (72, 96, 1)) + generator.normal(0, 4, (72, 96, 3))
        mask = np.zeros((72, 96, 3), dtype=np.uint8)
        top, left = generator.integers(0, 36, 2)
        place = np.s_[top : top + 30, left : left + 40]
        image[place] = generator.normal((135, 70, 40), 8, image[place].shape)
        mask[place] = 255
        write_image(root / f"images/{number}.png", np.clip(image, 0, 255).astype(np.uint8))
        write_image(root / f"masks/{number}.png", mask)
    return root


def test_masks_are_learnt_and_predict_uses_them(checkpoint, tmp_path, capsys):
    marked = draw(tmp_path / "marked", 12)
    out = tmp_path / "out"
    arguments = ["--epochs=25", "--crop=64", "--batch-size=6", "--lr=3e-3", "--device=cpu"]
    assert main(["train-masks", str(checkpoint), str(marked), "--out", str(out), *arguments]) == 0
    told = capsys.readouterr().out
    table = pd.read_csv(out / "masks_val.csv")
    assert 2 <= len(table) <= 3
    ways = table[["iou_alone", "iou_together"]].mean()
    assert table["iou"].mean() == ways.max()
    assert table["iou_from_labels"].between(0, 1).all()
    network = corrosion.load_model(out)
    assert network.mask_network.alone == (ways["iou_alone"] > ways["iou_together"])
    assert table["iou"].mean() > 0.5
    assert f"IoU {table['iou'].mean():.3f}" in told
    assert f"of {len(table)}: too few to tell" in told
    history = pd.read_csv(out / "history.csv")
    assert len(history) == 25
    assert history["train/loss"].iloc[-1] < history["train/loss"].iloc[0]

    new = draw(tmp_path / "new", 3, seed=9)
    predicted = tmp_path / "predicted"
    given = ["predict", str(out), str(new / "images"), "--masks", "--out", str(predicted)]
    assert main([*given, "--device=cpu", "--threshold=1e-6"]) == 0
    network = corrosion.load_model(out)
    for row in pd.read_csv(predicted / "predictions.csv").to_dict("records"):
        image = read_image(row["path"])
        mask = read_image(predicted / row["mask"]).any(axis=2)
        assert (mask == corrosion.rust_mask(network, image)).all()
        assert (row["rusted_share_low"], row["rusted_share_high"]) == (0, 1)  # 3 validated
        truth = read_image(new / "masks" / f"{row['path'][-5:-4]}.png").any(axis=2)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.3


def test_the_same_seed_learns_the_same(checkpoint, tmp_path):
    marked = draw(tmp_path / "marked", 6)
    arguments = ["--epochs=1", "--crop=64", "--batch-size=3", "--device=cpu", "--seed=4"]
    for name in ("a", "b"):
        given = [str(checkpoint), str(marked), "--out", str(tmp_path / name)]
        assert main(["train-masks", *given, *arguments]) == 0
    first, second = (
        corrosion.load_model(tmp_path / name).mask_network.state_dict() for name in ("a", "b")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns_first_from_what_the_network_was_trained_on(tmp_path, caplog):
    marked, trained = draw(tmp_path / "marked", 4), draw(tmp_path / "trained", 8, seed=3)
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    write_checkpoint(run / "checkpoints" / "best.ckpt")
    paths = sorted(str(path) for path in (trained / "images").iterdir())
    split = {"path": paths, "label": [0, 1] * 4, "split": ["train"] * 6 + ["val", "test"]}
    pd.DataFrame(split).to_csv(run / "split.csv", index=False)
    states = {}
    small = ("--device=cpu", "--epochs=1", "--crop=64", "--batch-size=3")
    for name, extra in (("both", []), ("alone", ["--masks-only"])):
        given = [str(run), str(marked), "--out", str(tmp_path / name), *extra]
        assert main(["train-masks", *given, *small]) == 0
        states[name] = corrosion.load_model(tmp_path / name).mask_network.state_dict()
    # two steps of six photographs, then one of three; and the one alone
    steps = [int(state["pixels.1.num_batches_tracked"]) for state in states.values()]
    assert steps == [3, 1]
    assert len(pd.read_csv(tmp_path / "both" / "history.csv")) == 1
    Path(paths[0]).unlink()
    assert main(["train-masks", *given[:2], "--out", str(tmp_path / "gone"), *small]) == 0
    assert "1 of 6 training photographs are gone" in caplog.text


def test_near_duplicates_are_on_one_side(tmp_path):
    marked = draw(tmp_path / "marked", 8)
    for kind in ("images", "masks"):
        for number in range(8):
            twin = read_image(marked / kind / f"{number}.png")
            write_image(marked / kind / f"twin{number}.png", twin)
    annotated = find_marked(marked, name="FOLDER")
    for seed in range(5):
        training, validation = divide(annotated, validation=0.2, seed=seed)
        sides = [
            {one.path.stem.removeprefix("twin") for one in part} for part in (training, validation)
        ]
        assert not sides[0] & sides[1]
        assert len(training) + len(validation) == 16
        assert 2 <= len(validation) <= 4


def test_crops_are_on_the_side_of_their_photograph(draw_scene, tmp_path):
    for number in range(4):
        for name, image in (("", draw_scene(number)), ("part", draw_scene(number)[50:, 60:])):
            for kind in ("images", "masks"):
                write_image(tmp_path / kind / f"{name}{number}.png", image)
    for seed in range(5):
        parts = divide(find_marked(tmp_path, name="FOLDER"), validation=0.3, seed=seed)
        sides = [{one.path.stem.removeprefix("part") for one in part} for part in parts]
        assert not sides[0] & sides[1]


def test_one_photograph_is_too_few(checkpoint, tmp_path, capsys):
    marked = draw(tmp_path / "marked", 1)
    given = ["train-masks", str(checkpoint), str(marked), "--out", str(tmp_path / "out")]
    assert main(given) == 1
    assert "from two at least" in capsys.readouterr().err


def test_bad_input_is_told_before_anything_is_made(checkpoint, tmp_path, capsys):
    marked = draw(tmp_path / "marked", 2)
    for arguments, told in (
        ([str(marked), "--sound", str(tmp_path / "none")], "photographs without rust (--sound)"),
        ([str(marked), "--crop=8"], "--crop=8: give a whole number from 64 to 1024"),
        ([str(marked), "--validation=1"], "--validation=1"),
        ([str(tmp_path / "nothing")], "one with images/ and masks/"),
    ):
        given = ["train-masks", str(checkpoint), "--out", str(tmp_path / "out"), *arguments]
        assert main(given) == 1
        assert told in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_boxes_are_refused(tmp_path):
    write_image(tmp_path / "images/a.png", np.zeros((40, 50, 3), dtype=np.uint8))
    (tmp_path / "boxes.csv").write_text(
        "filename,width,height,xmin,ymin,xmax,ymax\na.png,50,40,1,1,20,20\n"
    )
    with pytest.raises(CorrosionError, match="^FOLDER=.*boxes hold more than rust; give masks"):
        find_marked(tmp_path, name="FOLDER")


def test_large_photographs_are_kept_small_with_their_masks(tmp_path):
    image = np.zeros((300, 1200, 3), dtype=np.uint8)
    mask = image.copy()
    mask[:, :600] = 255
    write_image(tmp_path / "images/a.png", image)
    write_image(tmp_path / "masks/a.png", mask)
    one = read_marked(find_marked(tmp_path, name="FOLDER")[0])
    assert one.image.shape == (128, 512, 3)
    assert one.mask.shape == (128, 512)
    assert one.mask.mean() == 0.5


def test_crops_cut_photograph_and_mask_alike():
    image = np.zeros((80, 120, 3), dtype=np.uint8)
    image[:, :60] = 255
    photograph = MaskedPhotograph(None, image, (image[..., 0] > 0).astype(np.uint8))
    crops = MaskCrops([photograph], crop=64, seed=1)
    for _ in range(10):
        pixels, mask = crops[0]
        assert pixels.shape == (3, 64, 64)
        assert pixels.dtype == torch.uint8
        agree = (pixels.float().mean(dim=0) > 100) == mask.bool()
        assert agree.float().mean() > 0.9


def test_the_loss_is_least_for_the_mask_itself():
    mask = torch.zeros(1, 8, 8)
    mask[0, :2, :2] = 1
    right = mask_loss(20 * mask - 10, mask)
    nothing = mask_loss(torch.full((1, 8, 8), -10.0), mask)
    everything = mask_loss(torch.full((1, 8, 8), 10.0), mask)
    assert right < nothing
    assert right < everything


@pytest.fixture
def deterministic():
    """As a training leaves PyTorch, where binned curves take the memory of pixels times bins."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(before, warn_only=True)


@pytest.mark.usefixtures("deterministic")
def test_masks_are_judged_by_their_photographs():
    class Half(torch.nn.Module):
        mean, alone = torch.zeros(1), False

        def forward(self, images):
            left = torch.arange(images.shape[3]) < images.shape[3] // 2
            return torch.where(left, 9.0, -9.0).expand(len(images), images.shape[2], -1)

    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[:, :16] = 1
    classifier = CorrosionClassifier("test_resnet.r160_in1k", dense_units=8, image_size=64)
    classifier.mask_network = Half()
    image = np.full((64, 64, 3), (130, 70, 35), dtype=np.uint8)
    rows = judge_masks(classifier, [MaskedPhotograph("a", image, mask)]).set_index("way")
    assert list(rows.index) == ["labels", "alone", "together"]
    # what knows nothing leaves the classifier's own mask
    assert rows["iou"]["together"] == rows["iou"]["labels"]
    row = rows.loc["alone"]
    # the mirrored view says the other half: every pixel is rust with a probability of 1/2
    assert row["true_share"] == 0.25
    assert row["average_precision"] == pytest.approx(0.25, abs=0.01)
