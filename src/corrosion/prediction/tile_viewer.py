"""What looks at photographs in tiles, as settings ask for it."""

from __future__ import annotations

from typing import Any

from corrosion.evaluation.decisions import Rule
from corrosion.models.classifier import CorrosionClassifier
from corrosion.prediction.tile_threshold import GivenThreshold, TileThresholds
from corrosion.prediction.tile_validation import TileValidation, choose_threshold
from corrosion.prediction.tiled import TileViewer
from corrosion.prediction.tiles import TileRule, Tiling
from corrosion.settings.prediction import PredictionSettings


def tile_viewer(
    network: CorrosionClassifier,
    rule_of_whole: Rule,
    settings: PredictionSettings,
    validation: TileValidation | None,
) -> tuple[TileViewer, dict[str, Any]]:
    """What looks at photographs in tiles, and what is known of its threshold.

    Args:
        network: network in evaluation mode, on the device that it shall run on.
        rule_of_whole: how photographs seen as a whole are decided.
        settings: how photographs are cut into tiles, and how these are judged.
        validation: photographs to choose the threshold on; None for that of the settings.

    Raises:
        CorrosionError: as `corrosion.prediction.tile_validation.choose_threshold`.
    """
    tiling = Tiling(settings.tile_size or network.image_size, settings.tile_overlap)
    rule = TileRule(settings.tile_rule, settings.tile_k, settings.tile_share)
    facts: dict[str, Any] = {}
    if validation is None:
        thresholds: TileThresholds = GivenThreshold(float(settings.threshold or 0))
    else:
        chosen = choose_threshold(
            network,
            validation,
            tiling=tiling,
            rule=rule,
            false_alarms=settings.tile_false_alarms,
            batch_size=settings.batch_size,
        )
        thresholds, facts = chosen.thresholds, chosen.facts
    viewer = TileViewer(
        tiling, rule, thresholds, rule_of_whole, settings.batch_size, masks=settings.masks
    )
    return viewer, facts
