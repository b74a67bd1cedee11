"""What the commands on folders of photographs can be told: `corrosion audit` and `sample`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from annotated_types import Ge, Le

from corrosion.settings.base import Settings
from corrosion.settings.data import ClassFolders
from corrosion.settings.types import Names, Seed, Share

_LARGEST = 2048  # pixels of a picture of the sample
_FEWEST, _SMALLEST = 8, 64  # photographs of an inspection, and pixels of their longer side


class FolderNameSettings(Settings):
    """Which folders of photographs stand for which class, beside those with the usual names."""

    corrosion: Names = ()
    """Names of further folders of corroded images."""
    no_corrosion: Names = ()
    """Names of further folders of images without corrosion."""
    ignore: Names = ()
    """Names of folders that are passed over."""

    @property
    def classes(self) -> ClassFolders:
        """The names as the functions take them that look for images."""
        names = ClassFolders.model_fields
        return ClassFolders(**{name: getattr(self, name) for name in names})


class AuditSettings(FolderNameSettings):
    """How folders of photographs are examined."""

    strict: bool = False
    """Exit with 1 if official subsets share pictures, or labels conflict."""
    near_duplicates: Annotated[int, Ge(0), Le(11)] | None = 10
    """Bits of a 63-bit perceptual hash in which near-duplicates may differ; null seeks none."""
    cropped_duplicates: Literal["auto"] | bool = "auto"
    """Seek versions that a hash misses too: cropped, turned by some degrees, framed. Costs some 25
    seconds of one core for 1,000 photographs, once; auto: among 10,000 pictures at most."""


class SampleSettings(Settings):
    """What the embedded sample photographs are made with."""

    inspection: bool = False
    """Write what a drone's card holds after an inspection instead: photographs of eight assets with
    place, time and direction, three broken files, and a video with its flight log."""
    count: Annotated[int, Ge(2), Le(100_000)] = 600
    """Number of images, half of each class; of an inspection 40 if it is not given."""
    size: Annotated[int, Ge(32), Le(8192)] = 256
    """Side of the images in pixels; of an inspection the longer one, 1200 if it is not given, as
    4000 for 12 megapixels."""
    seed: Seed = 0
    """Seed of what is drawn."""
    shortcut: Share = 0.0
    """Share of the corroded images with a planted mark, to test explanations."""
    kinds: bool = False
    """Draw four kinds of corrosion that can be told apart (uniform, pitting, crevice, stress), each
    in a folder of its own below corrosion/."""

    def conflicts(self) -> Iterable[str]:
        """Sizes that one kind of sample has and the other has not."""
        if not self.inspection and self.size > _LARGEST:
            yield f"{{size}}={self.size}: give a whole number from 32 to {_LARGEST}."
        if self.inspection and self.shortcut:
            yield "{shortcut} is of the other sample: leave out {inspection}."
        if self.inspection and self.kinds:
            yield "{kinds} are of the other sample: leave out {inspection}."
        if self.inspection and (self.count < _FEWEST or self.size < _SMALLEST):
            yield (
                f"{{inspection}} has at least {_FEWEST} photographs of {_SMALLEST} pixels: raise "
                f"{{count}} or {{size}}."
            )
