"""The images, how they are divided and how they become batches: `conf/data`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BeforeValidator, Field, Strict, field_validator

from corrosion.settings.base import Settings
from corrosion.settings.types import (
    AnyPath,
    BatchSize,
    ImageSize,
    NotNegative,
    Positive,
    Probability,
    Seed,
    Share,
    Text,
    WholeNumber,
    Workers,
)

ResizeMode = Literal["pad", "reflect", "crop", "stretch"]
GreyLevel = Annotated[float, Ge(0), Le(255)]
"""A grey level of 8 bits."""

MOST_KINDS = 50
"""Kinds of corrosion that a head can tell apart, at most."""

LONGEST_KIND = 100
"""Bytes of the name of a kind, at most."""

QualityRule = Literal["small", "blank", "blurred", "dark", "bright", "elongated"]


# a folder called 1 arrives as a number
_FolderName = Annotated[
    Text, BeforeValidator(lambda name: str(name) if type(name) is int else name)
]
_FolderNames = Annotated[tuple[_FolderName, ...], Strict(False)]


class ClassFolders(Settings):
    """Names of folders, beside those that are known (rust, clean ...)."""

    corrosion: _FolderNames = ()
    """Folders of corroded images: data.classes.corrosion=[pitted,crevice]."""
    no_corrosion: _FolderNames = ()
    """Folders of images without corrosion: data.classes.no_corrosion=[new]."""
    ignore: _FolderNames = ()
    """Folders that are passed over."""


class QualitySettings(Settings):
    """Limits of what is reported as suspicious; null switches a rule off."""

    small: NotNegative | None = 64
    """Least pixels of the shorter side."""
    blank: GreyLevel | None = 5
    """Least contrast: standard deviation in grey levels."""
    blurred: NotNegative | None = 0.8
    """Least sharpness: change of slopes over slopes, at 256 px."""
    dark: GreyLevel | None = 50
    """95 % of the pixels are darker than this grey level."""
    bright: GreyLevel | None = 245
    """95 % of the pixels are brighter than this grey level."""
    elongated: NotNegative | None = 3
    """Longer side over shorter side."""
    remove: Annotated[tuple[QualityRule, ...], Strict(False)] = ()
    """Rules whose images are left out: data.quality.remove=[small,blank]."""

    @property
    def limits(self) -> dict[str, float | None]:
        """Limits by the name of their rule."""
        return {name: value for name, value in dict(self).items() if name != "remove"}


class PublicSource(Settings):
    """A public set of images."""

    name: Text
    """Its name in records and results."""
    folder: Text
    """Its folder below data.root."""
    url: Text
    """Where it can be had."""
    images: dict[str, WholeNumber] | None = None
    """Number of its images by class, where it is known."""


class InputSettings(Settings):
    """The network's input."""

    image_size: ImageSize = 224
    """Side of the network's square input in pixels; 224 as published."""
    resize: ResizeMode = "pad"
    """How a photograph becomes square. pad: its longest side fits, black bars; reflect: mirrored
    bars; crop: its centre, edges are lost; stretch."""


class LoadingSettings(InputSettings):
    """How images become batches."""

    batch_size: BatchSize = 32
    """Images in a batch, on each device; 32 as published."""
    num_workers: Literal["auto"] | Workers = "auto"
    """Processes that read images; 0 reads them in the training process."""
    repeats: Annotated[int, Ge(1), Le(1000)] = 1
    """Differently augmented versions of each training image in an epoch (3 in the study)."""
    cache: Literal["auto"] | bool = "auto"
    """Keep decoded, resized images on disk for further epochs and runs; auto: if there is room."""
    cache_gib: Positive = 20
    """Size of all kept images in GiB; those unused for the longest time make room."""

    renamed = {"expand": "repeats"}  # noqa: RUF012 -- a ClassVar of the base


class CurationSettings(Settings):
    """Which images are left out."""

    on_bad_image: Literal["warn", "error"] = "warn"
    """Unreadable images are listed and left out (warn), or stop the run (error)."""
    max_megapixels: Annotated[float, Gt(0), Le(178)] = 178
    """Larger photographs count as unreadable."""
    near_duplicates: Annotated[int, Ge(0), Le(11)] | None = 10
    """Bits of a 63-bit perceptual hash in which near-duplicates may differ; null seeks none."""
    cropped_duplicates: Literal["auto"] | bool = "auto"
    """Seek versions that a hash misses too: cropped, turned by some degrees, framed. Costs some 25
    seconds of one core for 1,000 photographs, once; auto: among 10,000 pictures at most."""
    exact_duplicates: Literal["drop", "keep"] = "drop"
    """What becomes of all but one of the images with the same pixels and label."""
    on_conflict: Literal["drop", "keep", "error"] = "drop"
    """What becomes of copies and near-duplicates of both classes; of several kinds of corrosion:
    drop takes their kinds for unknown."""
    quality: QualitySettings = Field(default_factory=QualitySettings)
    """What counts as suspicious."""


class SplitSettings(Settings):
    """How images are divided into training, validation and test."""

    split: Annotated[tuple[Probability, Probability, Probability], Strict(False)] = (0.7, 0.2, 0.1)
    """Shares of training, validation and test."""
    split_seed: Seed = 0
    """Seed of who comes into training, validation and test; apart from seed, so that runs of
    several seeds are tested on the same images."""
    keep_subsets: bool = True
    """Keep the subsets that a source brings along (train, valid, test); false divides it anew."""
    split_file: AnyPath | None = None
    """split.csv of an earlier run: the same images come into the same subsets, images added since
    into training; near-duplicates of validation and test among these are left out."""
    on_changed: Literal["warn", "error"] = "warn"
    """Images whose content is another than when split_file was written: they keep their subset
    and are told by name (warn), or stop the run (error)."""
    folds: Annotated[int, Ge(2), Le(100)] | Literal["source"] | None = None
    """Cross-validation: -m data.folds=5 data.fold=0,1,2,3,4 tests each image once; source tests on
    one of several sources what the others taught (data.fold=1: the second of data.root)."""
    fold: Annotated[int, Ge(0), Le(99)] = 0
    """Which fold is the test set; training and validation share the rest."""

    @field_validator("split")
    @classmethod
    def _whole(cls, shares: tuple[float, float, float]) -> tuple[float, float, float]:
        if not math.isclose(sum(shares), 1, abs_tol=1e-6):
            raise ValueError("give three shares that sum to 1, as [0.7,0.2,0.1].")
        return shares

    def conflicts(self) -> Iterator[str]:
        """Folds that don't go together with each other or with a split file."""
        yield from super().conflicts()
        if self.folds is None and self.fold != 0:
            yield "{fold} means nothing without {folds}: give {folds}=5, for example."
        if isinstance(self.folds, int) and self.fold >= self.folds:
            yield f"{{fold}}={self.fold}: with {{folds}}={self.folds} give 0 to {self.folds - 1}."
        if isinstance(self.folds, int) and self.split_file is not None:
            yield (
                "{folds} and {split_file} exclude each other: the file's test set would be that of "
                "every fold. Leave one of them out."
            )


class SourceSettings(Settings):
    """Where images come from."""

    source: Literal["sample", "folder", "paper"] = "sample"
    """sample: generated pictures; folder: your photographs; paper: the study's public sets."""
    root: AnyPath | Annotated[tuple[AnyPath, ...], Strict(False)] | None = None
    """Folder with a folder of images per class, or several: data.root=[SHIPS,BRIDGES]; here or in a
    bucket or archive (docs/places.md)."""
    classes: ClassFolders = Field(default_factory=ClassFolders)
    """Further names of the classes' folders."""
    sources: Annotated[tuple[PublicSource, ...], Strict(False)] = ()
    """The public sets of source=paper."""
    count: Annotated[int, Ge(2), Le(100_000)] = 600
    """Images of the sample, half of each class."""
    size: Annotated[int, Ge(32), Le(2048)] = 256
    """Side of the sample's images in pixels."""
    sample_seed: Seed = 0
    """Seed of what the sample shows."""
    kinds: (
        Literal["subfolders"]
        | AnyPath
        | Annotated[tuple[AnyPath, ...], Strict(False), MinLen(1)]
        | None
    ) = None
    """Kinds of corrosion that a second head learns (docs/kinds.md): subfolders of the corroded
    class (corrosion/pitting/...), or a CSV file with the columns path and kind, or several; null
    for none."""
    kinds_balanced: bool = True
    """Give every kind the same total weight, however rare it is; false weighs photographs alike."""

    def conflicts(self) -> Iterator[str]:
        """A source without a folder, and a folder without its source."""
        yield from super().conflicts()
        if self.source != "sample" and not self.roots:
            yield "{root} must be given: the folder of your images."
        if self.source == "sample" and self.root is not None:
            yield f"{{root}}={self.root}: your photographs are read by data=folder; add it."
        if self.source == "paper" and not self.sources:
            yield "{sources} must be given: the public sets below {root}."
        if self.source == "paper" and len(self.roots) > 1:
            yield "{root}: give the one folder that holds all public sets."
        if self.source != "paper" and self.sources:
            yield "{sources} are of data=paper: leave them out."

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of `root`, one or several; ~ stands for the home directory."""
        given = self.root if isinstance(self.root, tuple) else (self.root,)
        return tuple(root.expanduser() for root in given if root is not None)


class DataSettings(SourceSettings, SplitSettings, CurationSettings, LoadingSettings):
    """Where images come from, what is left out, how they are divided and read."""

    shortcut: Share = 0.0
    """Share of the corroded training images with a planted mark, to test explanations."""

    def conflicts(self) -> Iterator[str]:
        """Folds by source without several sources, or more of them than there are."""
        yield from super().conflicts()
        count = {"sample": 1, "paper": len(self.sources), "folder": len(self.roots)}[self.source]
        if self.folds != "source" or not count:  # that no source is given is told already
            return
        if count == 1:
            yield (
                "{folds}=source tests on one source what the others taught, and there is a single "
                "one: give several, as {root}=[SHIPS,BRIDGES]."
            )
        elif self.fold >= count:
            yield (
                f"{{fold}}={self.fold}: with {{folds}}=source and {count} sources give 0 to "
                f"{count - 1}."
            )
