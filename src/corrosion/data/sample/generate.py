"""The embedded sample: photograph-like pictures of metal, made once and kept in the cache.

images/corrosion/00001.jpg        every odd number
images/no_corrosion/00000.jpg     every even number
masks/corrosion/00001.png         255 where there is rust; sound metal has no mask file
sample.json                       what the sample was made with

With kinds of corrosion, corroded pictures lie in a folder a kind, as
images/corrosion/pitting/00003.jpg, and so do their masks, as masks/corrosion/pitting/00003.png.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
from annotated_types import Ge, Le

from corrosion.data.cache.directory import cache_dir
from corrosion.data.sample.kinds import KINDS
from corrosion.data.sample.picture import draw
from corrosion.data.shortcut import place, stamp
from corrosion.errors import CorrosionError
from corrosion.settings.base import Settings
from corrosion.settings.types import Seed, Share
from corrosion.system.files import write_json
from corrosion.system.processors import usable_processors
from corrosion.system.progress import progress

GENERATOR_VERSION = 4  # raise it when the pictures of a seed change
_MARKER = "sample.json"
_PER_WORKER = 16  # fewer pictures than this are drawn before a process has started
_ABANDONED_SECONDS = 3600.0


class _Recipe(Settings):
    """Everything that decides what a sample looks like: the content of sample.json."""

    count: Annotated[int, Ge(2)]
    size: Annotated[int, Ge(32), Le(2048)]
    seed: Seed
    shortcut: Share = 0
    kinds: bool = False
    generator: int = GENERATOR_VERSION

    def as_dict(self) -> dict[str, float]:
        """What sample.json holds: no word of a shortcut or of kinds where there are none."""
        optional = ("shortcut", "kinds")
        return {key: value for key, value in dict(self).items() if key not in optional or value}

    def kind(self, index: int) -> str | None:
        """The kind of corrosion that a corroded picture shows: each in turn."""
        return KINDS[index // 2 % len(KINDS)] if self.kinds and index % 2 == 1 else None

    def marked(self, index: int) -> bool:
        """Whether a picture carries the mark: of the first n corroded ones, n times the share."""
        turn = index // 2  # of the corroded pictures, the odd ones
        return index % 2 == 1 and round((turn + 1) * self.shortcut) > round(turn * self.shortcut)


def sample_dir(count: int = 600, size: int = 256, seed: int = 0, *, kinds: bool = False) -> Path:
    """The folder of a sample in the cache, named by its parameters and the generator's version."""
    name = f"{count}-{size}-{seed}-v{GENERATOR_VERSION}"
    return cache_dir() / "sample" / (f"{name}-kinds" if kinds else name)


def make_sample(
    root: Path,
    *,
    count: int = 600,
    size: int = 256,
    seed: int = 0,
    shortcut: float = 0,
    kinds: bool = False,
    workers: int | None = None,
) -> Path:
    """Write a sample, unless it is there already.

    Image number i depends on `seed`, `size`, `shortcut`, `kinds` and i alone: a larger sample
    begins with the images of a smaller one. The sample is built beside `root` and renamed when it
    is complete, so two runs may build it at once and a killed one leaves nothing that looks like a
    sample.

    Args:
        root: folder to write to, missing or empty; `sample_dir` gives its place in the cache.
        count: number of images, half of each class (the odd one is sound), at least 2.
        size: side in pixels, 32 to 2048.
        seed: seed of the pictures, 0 or more.
        shortcut: share of the corroded pictures that carry the mark of `corrosion.data.shortcut`,
            in [0, 1]; their masks leave out the rust beneath it.
        kinds: draw kinds of corrosion that can be told apart, `corrosion.data.sample.kinds.KINDS`
            in turn, each in a folder of its own below that of its class.
        workers: number of processes that draw; None for one a processor.

    Returns:
        `root`.

    Raises:
        CorrosionError: a parameter is out of its range, `root` holds something else or can't be
            written, or the disk is full.
    """
    recipe = _Recipe(count=count, size=size, seed=seed, shortcut=shortcut, kinds=kinds)
    root = Path(root)
    if _is_complete(root, recipe):
        return root
    with _building(root, recipe) as folder:
        _write_images(folder, recipe, workers or usable_processors())
        write_json(folder / _MARKER, recipe.as_dict())
    return root


def is_sample(root: Path) -> bool:
    """Whether a folder is a sample, or the folder of its images."""
    return any((folder / _MARKER).is_file() for folder in (root, root.parent))


def _is_complete(root: Path, recipe: _Recipe) -> bool:
    """Whether `root` holds this sample; an error if it holds anything else."""
    try:
        found = json.loads((root / _MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if not root.exists() or (root.is_dir() and not any(root.iterdir())):
            return False
        raise CorrosionError(
            f"{root} holds files but no complete sample: name a new folder, or remove it first."
        ) from None
    except (OSError, ValueError) as error:
        raise CorrosionError(f"{root / _MARKER} can't be read ({error}): remove {root}.") from error
    if found != recipe.as_dict():
        raise CorrosionError(
            f"{root} holds a sample made with {found}, not {recipe.as_dict()}: name a new folder, "
            f"or remove it first."
        )
    return True


@contextmanager
def _building(root: Path, recipe: _Recipe) -> Iterator[Path]:
    """Give a temporary folder beside `root`; it becomes `root` when the block succeeds."""
    folder: Path | None = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(root)
        folder = Path(tempfile.mkdtemp(dir=root.parent, prefix=f".{root.name}-", suffix=".part"))
        folder.chmod(0o755)  # mkdtemp's 0700 would hide a shared sample from colleagues
        yield folder
        with suppress(OSError):  # an empty folder is in the way of renaming on some systems
            root.rmdir()
        try:
            folder.rename(root)
        except OSError:
            if not _is_complete(root, recipe):  # another run may have been faster
                raise
    except OSError as error:
        raise CorrosionError(
            f"The sample can't be written to {root}: {error.strerror or error}. Make room or get "
            f"permission there, or set CORROSION_CACHE to another folder."
        ) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(root: Path) -> None:
    """Remove what killed runs left behind, but not what another run is building now."""
    for folder in root.parent.glob(f".{root.name}-*.part"):
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _write_images(folder: Path, recipe: _Recipe, workers: int) -> None:
    corroded = [f"corrosion/{kind}" for kind in KINDS] if recipe.kinds else ["corrosion"]
    for name in ("no_corrosion", *corroded):
        (folder / "images" / name).mkdir(parents=True)
    for name in corroded:
        (folder / "masks" / name).mkdir(parents=True)
    write = partial(_write_image, folder, recipe)
    indices = range(recipe.count)
    workers = min(workers, -(-recipe.count // _PER_WORKER))
    bar = partial(progress, description="Drawing the sample", total=recipe.count)
    # trials that run side by side are processes themselves, which joblib lets start no others
    if workers == 1 or multiprocessing.current_process().name != "MainProcess":
        for _ in bar(map(write, indices)):
            pass
        return
    # spawn: a fork would inherit locks held by the threads of torch and OpenCV
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, cv2.setNumThreads, (0,)) as pool:
        try:
            for _ in bar(pool.map(write, indices, chunksize=4)):
                pass
        except BrokenProcessPool as error:
            raise CorrosionError(
                "A process that drew the sample was killed, perhaps for lack of memory. Try again; "
                "in a script, call make_sample under `if __name__ == '__main__':`."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _write_image(folder: Path, recipe: _Recipe, index: int) -> None:
    corroded = index % 2 == 1
    kind = recipe.kind(index)
    picture = draw(recipe.seed, index, size=recipe.size, corroded=corroded, kind=kind)
    if recipe.marked(index):
        picture.mask[place(recipe.size, recipe.size)] = 0
        picture = replace(picture, image=stamp(picture.image))
    name = "corrosion" if corroded else "no_corrosion"
    name = name if kind is None else f"{name}/{kind}"
    quality = [cv2.IMWRITE_JPEG_QUALITY, picture.jpeg_quality]
    bgr = cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR)
    _write(folder / f"images/{name}/{index:05d}.jpg", cv2.imencode(".jpg", bgr, quality))
    if corroded:
        _write(folder / f"masks/{name}/{index:05d}.png", cv2.imencode(".png", picture.mask))


def _write(path: Path, encoded: tuple[bool, cv2.typing.MatLike]) -> None:
    # cv2.imwrite would return False on a full disk and not say why
    path.write_bytes(encoded[1].tobytes())
