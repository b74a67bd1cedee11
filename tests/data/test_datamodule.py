import os
import sys
from collections.abc import Iterable
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from PIL import Image
from torch import nn

from corrosion.data.datamodule import CorrosionDataModule, worker_count
from corrosion.data.dataset import Batch
from corrosion.data.images import ImageError, content_hash
from corrosion.data.shortcut import stamp
from corrosion.errors import CorrosionError
from corrosion.settings.augmentation import AugmentationSettings

AUGMENT = {
    "horizontal_flip": {"p": 0.5},
    "rotation": {"p": 0.5, "limit": 15},
    "brightness": {"p": 1.0, "limit": 0.15},
    "noise": {"p": 0.5, "limit": 0.1},
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """13 images: 9 train, 2 val, 2 test, in mixed order."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    rows = []
    for row, split in enumerate(["train", "test", "val", *["train"] * 8, "test", "val"]):
        path = folder / f"{row}.png"
        Image.fromarray(rng.integers(256, size=(12, 16, 3), dtype=np.uint8)).save(path)
        rows.append({"path": str(path), "label": row % 2, "split": split})
    return pd.DataFrame(rows).astype({"label": "int8"})


def datamodule(records: pd.DataFrame, **options: object) -> CorrosionDataModule:
    defaults = {"image_size": 32, "augment": AUGMENT, "batch_size": 4, "num_workers": 0}
    return CorrosionDataModule(records, **defaults | options)


def epochs(loader: Iterable[Batch], count: int) -> list[list[Batch]]:
    """Batches epoch by epoch, as Lightning asks for them."""
    result = []
    for epoch in range(count):
        loader.sampler.set_epoch(epoch)
        result.append(list(loader))
    return result


def contents(batches: Iterable[Batch]) -> list[tuple[bytes, tuple[int, ...]]]:
    return [(batch.image.numpy().tobytes(), tuple(batch.index.tolist())) for batch in batches]


class Recorder(L.LightningModule):
    """Learns next to nothing; keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.seen: list[list[tuple[bytes, tuple[int, ...]]]] = []

    def on_train_epoch_start(self) -> None:
        self.seen.append([])

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        self.seen[-1] += contents([batch])
        return self.layer(batch.label[:, None]).mean()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(folder: Path, max_epochs: int) -> L.Trainer:
    return L.Trainer(
        max_epochs=max_epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=[ModelCheckpoint(folder, filename="best", save_last=True)],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more than processors
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_batches_are_the_same_for_any_number_of_workers(records, workers):
    expected = epochs(datamodule(records).train_dataloader(), 2)
    actual = epochs(datamodule(records, num_workers=workers).train_dataloader(), 2)
    assert [contents(epoch) for epoch in actual] == [contents(epoch) for epoch in expected]


def test_three_epochs_with_two_workers_augment_in_six_different_ways(records):
    # albumentations by itself repeats its random stream in each forked worker and each epoch
    one = pd.DataFrame([records.iloc[0]] * 2)
    loader = datamodule(one, batch_size=1, num_workers=2).train_dataloader()
    images = [contents([batch])[0][0] for epoch in epochs(loader, 3) for batch in epoch]
    assert len(set(images)) == 6


def test_repeats_gives_each_training_image_in_different_versions(records):
    module = datamodule(records, repeats=3)
    batches = list(module.train_dataloader())
    images = torch.cat([batch.image for batch in batches]).flatten(1)
    assert len(images) == module.samples_per_epoch == 27
    assert len(images.unique(dim=0)) == 27
    assert sum(len(batch.index) for batch in module.val_dataloader()) == 2


def test_training_resumed_at_an_epochs_end_sees_what_it_would_have_seen(records, tmp_path):
    straight = Recorder()
    trainer(tmp_path / "straight", 3).fit(straight, datamodule=datamodule(records))
    assert len({tuple(epoch) for epoch in straight.seen}) == 3

    trainer(tmp_path, 1).fit(Recorder(), datamodule=datamodule(records))
    resumed = Recorder()
    trainer(tmp_path, 3).fit(
        resumed,
        datamodule=datamodule(records, num_workers=2),
        ckpt_path=tmp_path / "last.ckpt",
    )
    assert resumed.seen == straight.seen[1:]


def test_evaluation_is_complete_in_order_and_not_augmented(records):
    module = datamodule(records)
    for split, loader in (("val", module.val_dataloader()), ("test", module.test_dataloader())):
        (batch,) = loader
        plain = next(iter(datamodule(records[records["split"] == split]).predict_dataloader()))
        assert torch.equal(batch.image, plain.image)
        assert batch.label.tolist() == module.records(split)["label"].tolist()
        assert batch.index.tolist() == [0, 1]


@pytest.mark.parametrize("augment", [None, {}, AugmentationSettings()])
def test_without_augmentation_albumentations_is_not_imported(records, augment, monkeypatch):
    monkeypatch.setitem(sys.modules, "corrosion.data.transforms", None)
    data = CorrosionDataModule(records, augment=augment, image_size=32, num_workers=0)
    assert next(iter(data.train_dataloader())).image.shape[1:] == (3, 32, 32)


def test_prediction_covers_all_records_and_needs_only_their_paths(records):
    batches = list(datamodule(records[["path"]]).predict_dataloader())
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(13))
    assert torch.cat([batch.label for batch in batches]).isnan().all()


def test_a_last_training_batch_of_one_image_is_left_out(records):
    assert [len(b.index) for b in datamodule(records).train_dataloader()] == [4, 4]
    sizes = [len(b.index) for b in datamodule(records, batch_size=7).train_dataloader()]
    assert sizes == [7, 2]
    assert len(datamodule(records, batch_size=1).train_dataloader()) == 9


@pytest.mark.parametrize(
    ("cores", "cuda", "processes", "workers"),
    [
        (1, False, 1, 0),
        (2, False, 1, 0),  # the network needs both
        (16, False, 1, 4),
        (64, False, 1, 4),
        (1, True, 1, 1),  # a GPU should not wait for its own process to decode
        (16, True, 1, 15),
        (16, True, 4, 3),
        (128, True, 1, 16),
    ],
)
def test_automatic_workers_leave_the_network_its_processors(
    monkeypatch, cores, cuda, processes, workers
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert worker_count(cuda=cuda, processes=processes) == workers


def test_counts_and_records_describe_each_split(records):
    module = datamodule(records)
    assert module.counts == {
        "train": {"no_corrosion": 5, "corrosion": 4},
        "val": {"no_corrosion": 2, "corrosion": 0},
        "test": {"no_corrosion": 0, "corrosion": 2},
    }
    assert module.records("val")["path"].tolist() == records.loc[[2, 12], "path"].tolist()


def test_an_empty_split_is_an_error_that_names_it(records):
    with pytest.raises(CorrosionError, match="split val"):
        datamodule(records[records["split"] == "train"]).val_dataloader()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_lost_during_training_is_named(records, tmp_path, workers):
    lost = tmp_path / "lost.png"
    Image.new("RGB", (4, 4)).save(lost)
    loader = datamodule(
        records.replace({"path": {records["path"][0]: str(lost)}}), num_workers=workers
    ).train_dataloader()
    lost.unlink()
    with pytest.raises(ImageError, match=r"^\S*lost\.png: [^\n]+$"):  # and no traceback
        list(loader)


@pytest.fixture
def hashed(records, cache):
    """The records with their content hashes, and an empty cache."""
    hashes = [content_hash(Path(path).read_bytes()) for path in records["path"]]
    return records.assign(content_hash=hashes)


@pytest.mark.parametrize("workers", [0, 2])
def test_cached_epochs_read_no_file_and_give_the_same_batches(hashed, monkeypatch, workers):
    expected = epochs(datamodule(hashed).train_dataloader(), 2)
    tested = contents(datamodule(hashed).test_dataloader())
    module = datamodule(hashed, cache="auto", num_workers=workers)
    module.prepare_data()
    monkeypatch.setattr("corrosion.data.images.file_content", lambda path: pytest.fail(str(path)))
    actual = epochs(module.train_dataloader(), 2)
    assert [contents(epoch) for epoch in actual] == [contents(epoch) for epoch in expected]
    assert contents(module.test_dataloader()) == tested


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cache", [False, True])
def test_a_planted_mark_is_augmented_in_training_alone_and_stays_out_of_the_cache(
    hashed, cache, workers
):
    marked = hashed.assign(marked=(hashed["split"] == "train") & (hashed["label"] == 1))
    flip = {"horizontal_flip": {"p": 1.0}}
    options = {"augment": flip, "cache": cache, "num_workers": workers, "batch_size": 3}

    def seen(records):
        module = datamodule(records, **options)
        module.prepare_data()
        trained = {
            index: image.permute(1, 2, 0).numpy()
            for batch in module.train_dataloader()
            for image, index in zip(batch.image, batch.index.tolist(), strict=True)
        }
        loaders = (module.val_dataloader, module.test_dataloader, module.predict_dataloader)
        return module, trained, [contents(loader()) for loader in loaders]

    module, trained, judged = seen(marked)
    _, plain, judged_plain = seen(hashed)  # later, from the same cache
    assert module.marked == 4
    assert judged == judged_plain
    assert len(plain) == 9
    for index, image in plain.items():
        stamped = module.records("train")["marked"][index]
        expected = stamp(image[:, ::-1])[:, ::-1] if stamped else image
        np.testing.assert_array_equal(trained[index], expected)


def test_no_room_for_the_cache_stops_only_who_insists_on_it(hashed, caplog):
    module = datamodule(hashed, cache="auto", cache_gib=1e-6)
    module.prepare_data()
    assert "Every epoch decodes images anew" in caplog.text
    assert contents(module.val_dataloader()) == contents(datamodule(hashed).val_dataloader())
    with pytest.raises(CorrosionError, match="cache_gib"):
        datamodule(hashed, cache=True, cache_gib=1e-6).prepare_data()


def test_without_a_cache_nothing_is_written(hashed, tmp_path):
    module = datamodule(hashed, cache=False)
    module.prepare_data()
    list(module.train_dataloader())
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [
        ("cache", "maybe", "cache"),
        ("cache_gib", 0, "cache_gib"),
        ("batch_size", 0, "batch_size"),
        ("repeats", 1.5, "repeats"),
        ("num_workers", -1, "num_workers"),
        ("num_workers", "many", "num_workers"),
        ("image_size", 31, "image_size"),
        ("resize", "fit", "resize"),
        ("augment", {"flip": {"p": 1}}, "flip"),
    ],
)
def test_bad_values_are_errors_that_name_the_key(records, option, value, key):
    with pytest.raises(CorrosionError, match=rf"^{key}\b"):
        datamodule(records, **{option: value})
