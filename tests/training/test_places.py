"""A training on photographs in a bucket, of which some requests fail."""

from corrosion.command_check import settings_of
from corrosion.data.dataset import ImageDataset, ImageLoader
from corrosion.data.resizing import build_resize
from corrosion.runs import RunDirectory
from corrosion.training.run import train


def test_a_training_reads_a_bucket(server, picture, tmp_path):
    names = [f"set/{kind}/{n}.jpg" for kind in ("corrosion", "clean") for n in range(12)]
    server.fill({name: picture(number) for number, name in enumerate(names)})
    server.faults.share = 0.05
    overrides = [
        "data=folder", "data.root=s3://photos/set", "model.weights=null",
        "model.backbone=test_resnet.r160_in1k", "model.dense_units=8", "data.image_size=32",
        "data.batch_size=8", "data.num_workers=0", "data.cache=true", "trainer=cpu",
        "trainer.max_epochs=1", "trainer.progress_bar=false", "augment=none", "logger=csv",
        "explain.images=2", "data.near_duplicates=null",
    ]  # fmt: skip
    run = RunDirectory(tmp_path / "run")
    train(settings_of(overrides), run.path)
    split = run.read_split()
    assert sorted(split["path"]) == sorted(f"s3://photos/{name}" for name in names)
    assert b"s3:" not in (run.path / "report.html").read_bytes()


def test_processes_of_a_loader_each_reach_the_bucket(server, picture):
    server.fill({f"{n:02d}.jpg": picture(n) for n in range(24)})
    server.faults.share = 0.05
    dataset = ImageDataset([f"s3://photos/{n:02d}.jpg" for n in range(24)], resize=build_resize(32))
    expected = [dataset.load(row) for row in range(24)]  # this process has a connection already
    loader = ImageLoader(dataset, batch_size=6, num_workers=2)
    found = [image for batch in loader for image in batch.image.permute(0, 2, 3, 1).numpy()]
    assert all((one == other).all() for one, other in zip(found, expected, strict=True))
