"""Settings and fixtures of all tests."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# threads that wait for each other are slower than one on tiny networks, above all when several
# test processes share the processors; set before anything imports torch, also for subprocesses
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

# how long an example takes says more of what else the machine does than of the code
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def draw_photos() -> Callable[..., None]:
    """Draws photographs of 40 px: folders of one colour each, with noise upon it."""
    import numpy as np  # after the number of threads is set
    from PIL import Image

    def draw(
        root: Path,
        colours: Mapping[str, tuple[int, int, int]],
        *,
        count: int,
        noise: float,
        size: tuple[int, int] = (40, 40),
        suffix: str = ".png",
    ) -> None:
        generator = np.random.default_rng(0)
        for name, colour in colours.items():
            (root / name).mkdir()
            for index in range(count):
                pixels = np.clip(generator.normal(colour, noise, (*size, 3)), 0, 255)
                Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}{suffix}")

    return draw


@pytest.fixture(scope="session")
def draw_scene() -> Callable[..., Any]:
    """Draws a picture with detail of several sizes, unlike that of any other seed."""
    import numpy as np
    from PIL import Image

    def draw(seed: int, height: int = 240, width: int = 320) -> Any:
        generator = np.random.default_rng(seed)
        total = np.zeros((height, width, 3))
        for cells in (4, 16, 64):
            grid = generator.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
            enlarged = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
            total += np.asarray(enlarged, dtype=float) / 3
        return total.astype(np.uint8)

    return draw


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """The bytes of a small photograph, unlike that of any other seed."""
    import io

    import numpy as np
    from PIL import Image

    def made(seed: int, kind: str = "JPEG") -> bytes:
        colours = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        stream = io.BytesIO()
        Image.fromarray(colours).resize((48, 32)).save(stream, kind)
        return stream.getvalue()

    return made


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from s3_server import s3_server

    with s3_server(tmp_path_factory.mktemp("aws")) as server:
        yield server


@pytest.fixture
def server(_s3_server: Any, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An S3 server on loopback with an empty bucket, photos; nothing fails."""
    from corrosion.data.places import remote, retries

    monkeypatch.setattr(retries, "FIRST_PAUSE", 0.001)
    for name, value in _s3_server.environment.items():
        monkeypatch.setenv(name, value)
    yield _s3_server
    faults = _s3_server.faults
    faults.share, faults.stubborn, faults.expires = 0.0, (), None
    _s3_server.empty()
    remote.forget()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what is kept between runs, not there yet."""
    monkeypatch.setenv("CORROSION_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def blank_figures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are saved blank, for tests that don't look at them: not those marked `figures`."""
    if request.node.get_closest_marker("figures"):
        return
    from blank_figures import save_blank
    from matplotlib.figure import Figure

    monkeypatch.setattr(Figure, "savefig", save_blank)


@pytest.fixture
def own_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], None]]:
    """Writes a module where a user would have it, in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    written = []

    def write(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        written.append(name)

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, draw_scene: Callable[..., Any]) -> Any:
    """A tiny checkpoint with all that training chooses, its ONNX file, and photographs."""
    from types import SimpleNamespace

    import torch
    from PIL import Image
    from samples import write_checkpoint

    from corrosion.export.export_checkpoint import export_checkpoint
    from corrosion.models.checkpoint import Calibration, load_model, store_choices
    from corrosion.models.kind_head import KindHead
    from corrosion.models.training_distance import TrainingDistance
    from corrosion.settings.export import ExportSettings

    root = tmp_path_factory.mktemp("exported")
    photographs = root / "photographs"
    photographs.mkdir()
    for seed in range(6):
        sizes = {"height": 90 + 40 * seed, "width": 300 - 30 * seed}
        Image.fromarray(draw_scene(seed, **sizes)).save(photographs / f"{seed}.png")
    checkpoint = root / "tiny.ckpt"
    write_checkpoint(checkpoint, seed=3, tta="hflip", threshold=0.46)
    features = torch.rand(12, load_model(checkpoint).backbone.num_features)
    calibration = Calibration(
        temperature=1.7,
        thresholds={"best F1": 0.46, "recall at least 0.98": 0.3},
        band=(0.4, 0.6),
        images=20,
    )
    kinds = KindHead(("crevice", "pitting"), torch.randn(2, features.shape[1]), torch.zeros(2))
    store_choices(checkpoint, calibration, TrainingDistance(features, limit=0.5), kinds=kinds)
    made = export_checkpoint(
        checkpoint, root / "tiny.onnx", ExportSettings(photographs=photographs)
    )
    return SimpleNamespace(
        checkpoint=checkpoint, onnx=made.path, export=made, photographs=photographs
    )
