"""Images of a split as samples and batches."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from corrosion.data.cache.segments import ImageCache
from corrosion.data.images import ImageError, file_content, read_image
from corrosion.data.places.remote import CONNECTIONS
from corrosion.data.resizing import Resize
from corrosion.data.sampler import Draw
from corrosion.data.shortcut import stamp
from corrosion.errors import CorrosionError
from corrosion.system.place_names import address_of

if TYPE_CHECKING:
    from corrosion.data.transforms import Augmentation


class Sample(NamedTuple):
    """One image with its label.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        label: 0 = no corrosion, 1 = corrosion, NaN = unknown.
        index: row of the dataset.
    """

    image: np.ndarray
    label: float
    index: int  # type: ignore[assignment]  # tuple.index gives way


class Batch(NamedTuple):
    """N images with their labels.

    Attributes:
        image: uint8 (N, 3, H, W), RGB, in channels_last memory.
        label: float32 (N,), 0 = no corrosion, 1 = corrosion, NaN = unknown.
        index: int64 (N,), rows of the dataset, which are the rows of its split's records.
    """

    image: Tensor
    label: Tensor
    index: Tensor  # type: ignore[assignment]  # tuple.index gives way


def load_image(path: str | Path, resize: Resize, *, content: bytes | None = None) -> np.ndarray:
    """Decode a file and resize it, as for training.

    Args:
        path: path of the file; large photographs are decoded at reduced scale where the format can.
        resize: resizing made by `build_resize`.
        content: the file's bytes, where they have been read already.

    Returns:
        uint8 (image_size, image_size, 3), RGB.

    Raises:
        ImageError: the file can't be read, naming it.
    """
    return resize(read_image(path, content=content, min_side=resize.image_size))


class ImageDataset(Dataset[Sample]):
    """The images of a table, by row.

    Paths are packed into one tensor: millions of string objects would be copied into each worker
    process as their reference counts change.

    `dataset[row]` is the image as evaluation sees it; `dataset[Draw(row, seed)]`, as an
    `EpochSampler` asks for it, is the image augmented with that seed.

    Args:
        paths: paths of the image files.
        labels: label of each image, 0 or 1; None where they are unknown.
        resize: resizing made by `build_resize`.
        augment: augmentation made by `build_augmentation`; None for none.
        cache: decoded images of the same rows, made for the same `resize`; rows that it lacks are
            decoded.
        marked: whether each row gets the mark of `corrosion.data.shortcut`, before it is augmented
            and after it is taken from the cache, which holds it without; None for none.
    """

    def __init__(
        self,
        paths: Iterable[str],
        labels: Iterable[int] | None = None,
        *,
        resize: Resize,
        augment: Augmentation | None = None,
        cache: ImageCache | None = None,
        marked: Iterable[bool] | None = None,
    ) -> None:
        paths = list(paths)
        self._paths = _PackedStrings(paths)
        if labels is None:
            self._labels = torch.full((len(self._paths),), torch.nan)
        else:
            self._labels = torch.from_numpy(np.array(labels, dtype=np.float32))
        self._resize = resize
        self._augment = augment
        self._cache = cache
        self._far = any(address_of(path) is not None for path in paths)
        self._marked = None if marked is None else torch.from_numpy(np.array(marked, dtype=bool))

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, item: int | Draw) -> Sample:
        index = item.index if isinstance(item, Draw) else item
        image = self.load(index)
        if self._marked is not None and self._marked[index]:
            image = stamp(image)
        if self._augment is not None and isinstance(item, Draw):
            image = self._augment(image, item.seed)
        return Sample(image, self._labels[index].item(), index)

    def __getitems__(self, items: Sequence[int | Draw]) -> list[Sample] | ImageError:
        """The samples of a batch, as a loader asks for them, or the first file's error.

        An error raised in a worker reaches the main process as a RuntimeError with a traceback for
        its message; one that is returned arrives as it is, and `ImageLoader` raises it there.
        """
        try:
            if self._far:  # the network answers many questions in the time of one
                with ThreadPoolExecutor(CONNECTIONS) as pool:
                    return list(pool.map(self.__getitem__, items))
            return [self[item] for item in items]
        except ImageError as error:
            return error

    def load(self, index: int) -> np.ndarray:
        """The image of a row, resized, not marked or augmented: uint8 (image_size, image_size, 3).

        Raises:
            ImageError: the file can't be read, naming it.
        """
        path = self._paths[index]
        if self._cache is None:
            return load_image(path, self._resize)
        cached = self._cache.get(index)
        if cached is None:
            content = file_content(path)
            cached = load_image(path, self._resize, content=content)
            self._cache.repair(index, content, cached)
        return cached


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples of one size into a batch.

    Args:
        samples: N samples, whose images have the same shape (H, W, 3).

    Example:
        >>> pixels = np.zeros((64, 64, 3), dtype=np.uint8)
        >>> batch = collate([Sample(pixels, 1.0, index=0), Sample(pixels, 0.0, index=1)])
        >>> batch.image.shape, batch.label
        (torch.Size([2, 3, 64, 64]), tensor([1., 0.]))
    """
    images = torch.from_numpy(np.stack([sample.image for sample in samples]))
    return Batch(
        image=images.permute(0, 3, 1, 2),  # pixels stay where they are: this is channels_last
        label=torch.tensor([sample.label for sample in samples], dtype=torch.float32),
        index=torch.tensor([sample.index for sample in samples], dtype=torch.int64),
    )


class ImageLoader(DataLoader[Batch]):
    """Batches of an `ImageDataset`; takes the arguments of torch's `DataLoader`.

    Raises:
        ImageError: a file can't be read, naming it; raised while iterating.
        CorrosionError: the system has killed a process that reads images; likewise.
    """

    def __init__(self, dataset: ImageDataset, **options: Any) -> None:
        # options names collate_fn only where Lightning builds the loader anew with another sampler
        super().__init__(dataset, **options | {"collate_fn": _collate_or_error})  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        batches = super().__iter__()
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except RuntimeError as error:
                if "DataLoader worker" not in str(error):
                    raise
                raise CorrosionError(
                    f"A process that reads images was killed ({error}), as the system does where "
                    f"memory is full: give num_workers=0, or a smaller batch_size."
                ) from error
            if isinstance(batch, ImageError):
                raise batch
            yield batch


def _collate_or_error(samples: Sequence[Sample] | ImageError) -> Batch | ImageError:
    return samples if isinstance(samples, ImageError) else collate(samples)


class _PackedStrings:
    """Strings that `os.fsencode` can encode, in one buffer of bytes."""

    def __init__(self, strings: Iterable[str]) -> None:
        encoded = [os.fsencode(string) for string in strings]
        ends = np.cumsum([0, *(len(string) for string in encoded)], dtype=np.int64)
        # tensors, not arrays: a worker that is spawned, not forked, then shares the memory too
        self._bytes = torch.from_numpy(np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8))
        self._ends = torch.from_numpy(ends)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        start, end = self._ends[index : index + 2].tolist()
        return os.fsdecode(self._bytes[start:end].numpy().tobytes())
