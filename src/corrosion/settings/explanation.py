"""What `corrosion explain` and `corrosion explain-score` can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, get_args

from annotated_types import Ge, Le
from pydantic import AfterValidator

from corrosion.settings.inference import InferenceSettings, Threshold
from corrosion.settings.types import Count, Seed, Text

Method = Literal[
    "gradcam",
    "gradcam++",
    "xgradcam",
    "hirescam",
    "gradcamelementwise",
    "layercam",
    "eigencam",
    "eigengradcam",
    "segeigencam",
    "kpcacam",
    "fem",
    "ablationcam",
    "scorecam",
]
"""Methods of class activation maps; `corrosion.explanation.cam.METHODS` says more of them."""

MapKind = Literal["plain", "fine"]
"""How finely a map tells where: "plain" is that of the prediction's own forward pass, "fine" the
mean over an image pyramid (`corrosion.explanation.pyramid`)."""

OverlaySize = Annotated[int, Ge(256), Le(65_500)] | Literal["full"]
"""Longest side in pixels of what is drawn upon photographs; "full" is that of the photograph."""

SCREEN = 1600
"""Pixels of the longest side that a screen shows of a photograph."""


def side_of(size: int | str) -> int | None:
    """The longest side in pixels that an `OverlaySize` stands for; None for no bound.

    Example:
        >>> side_of(1600), side_of("full")
        (1600, None)
    """
    return size if isinstance(size, int) else None


JudgedMap = Literal["plain", "fine", "mask"]
"""What is judged by masks: a kind of map, or the scores of masks of rust."""

_NOT_FINE = {"eigencam", "eigengradcam", "kpcacam", "scorecam"}

FINE_METHODS: tuple[Method, ...] = tuple(
    method for method in get_args(Method) if method not in _NOT_FINE
)
"""Methods that give fine maps: those of arbitrary sign can't be averaged, and scorecam would run
the network tens of thousands of times."""

Target = Literal["no_corrosion", "corrosion", "none", "predicted"]
"""What a map can be evidence for; "none" is short for "no_corrosion"."""

Colormap = Literal["inferno", "magma", "plasma", "viridis", "cividis", "jet", "azure"]
"""Colour maps. All but jet and azure are perceptually uniform: equal steps of evidence look equal;
rust is never azure."""

OTSU = "otsu"
"""Cut a map where its high values are best told from its low ones (Otsu, IEEE Transactions on
Systems, Man, and Cybernetics 1979)."""


def _rule(rule: float | str | None) -> float | str | None:
    share = isinstance(rule, float) and 0 < rule < 1
    if not share and rule not in (None, OTSU):
        raise ValueError(f"give {OTSU}, or a share of the map's maximum between 0 and 1 as 0.5.")
    return rule


RegionRule = Annotated[float | str | None, AfterValidator(_rule)]
"""How a map is cut into regions: otsu, or a share of its maximum in (0, 1)."""


class ExplanationSettings(InferenceSettings):
    """How photographs are explained."""

    method: Method = "gradcam"
    """Method of class activation maps."""
    map: MapKind = "plain"
    """How finely maps tell where: plain costs about a prediction; fine averages the network's maps
    of the photograph at four resolutions and mirrored, costs about 30, and is written as a 16-bit
    PNG too."""
    target: Target | Text = "corrosion"
    """What the maps are evidence for: corrosion, no_corrosion (or none), predicted, which takes
    each image's own decision, or a kind of corrosion that the networks tell, as pitting."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold of the checkpoint, as recall or F1; by default each checkpoint's own."""
    colormap: Colormap = "inferno"
    """Colours of the maps."""
    regions: RegionRule = None
    """Draw boxes around the map above Otsu's threshold (otsu), or above a share of its maximum, as
    0.5; by default none."""
    overlay_size: OverlaySize = SCREEN
    """Longest side of each drawn picture in pixels, or full for that of the photograph, which takes
    several times the time, memory and disk."""
    coco: bool = False
    """Write the regions as COCO JSON too."""
    recursive: bool = False
    """Look into subfolders of folders."""

    @property
    def rule(self) -> str | float | None:
        """How maps are cut into regions; None where neither boxes nor COCO files are wanted."""
        return OTSU if self.regions is None and self.coco else self.regions

    def conflicts(self) -> Iterable[str]:
        """A method that gives no fine maps."""
        return _no_fine_maps(self.method, self.map)


class MapScoreSettings(InferenceSettings):
    """How maps are judged by masks or boxes."""

    method: Method = "gradcam"
    """Method of class activation maps."""
    map: JudgedMap = "plain"
    """Which maps are judged: plain, or beside these fine ones (about 30 predictions a photograph)
    or the scores that masks of rust are cut from (about 15)."""
    count: Count | None = None
    """Number of photographs, taken at random; by default all."""
    faithfulness: bool = False
    """Judge maps by deletion, insertion, ROAD and model randomisation (10 random networks) too,
    which takes far longer."""
    seed: Seed = 0
    """Seed of that choice, of the random baseline and of the resamples."""

    def conflicts(self) -> Iterable[str]:
        """A method that gives no fine maps; faithfulness to the network of what colour outlines."""
        yield from _no_fine_maps(self.method, self.map)
        if self.map == "mask" and self.faithfulness:
            yield "{faithfulness} judges explanations, and a mask is none: choose another {map}."


def _no_fine_maps(method: Method, kind: JudgedMap) -> Iterable[str]:
    if kind == "fine" and method not in FINE_METHODS:
        yield (
            f"{{map}}=fine can't be had with {{method}}={method}: choose {', '.join(FINE_METHODS)}."
        )
