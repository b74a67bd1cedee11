"""`corrosion pack`: a checkpoint as a folder for timm, the Hugging Face hub, and whoever reads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from timm.models._hub import save_config_for_hf

from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.evaluation.evaluation import evaluate_run
from corrosion.evaluation.run_facts import read_run_facts
from corrosion.models.checkpoint import describe, load_model, read_content
from corrosion.models.classifier import CorrosionClassifier
from corrosion.models.digest import KEY, sign
from corrosion.models.packed import CONFIG, config_text, write_packed
from corrosion.report.model_card import CardFacts, model_card
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.settings.packing import PackSettings
from corrosion.system.files import is_taken, read_json, replacing_folder, write_text

log = logging.getLogger(__name__)

_CARD = "README.md"
_CROP_MODES: Mapping[str, str] = {
    "pad": "border",
    "reflect": "border",
    "crop": "center",
    "stretch": "squash",
}


def pack_checkpoint(
    checkpoint: str | Path, folder: Path, settings: PackSettings | None = None
) -> Path:
    """Write a checkpoint as a folder: weights without pickled code, plain values, a model card.

    What lies in the folder is loaded once before it gets its name; a digest over weights and
    settings tells that it is the checkpoint.

    Args:
        checkpoint: path of a checkpoint, or of a run's directory, which stands for its best epoch.
        folder: folder to write, not there yet or empty.
        settings: what the card says beside what the run tells.

    Returns:
        `folder`, which `corrosion.load_model` and `timm.create_model("local-dir:FOLDER")` take.

    Raises:
        CorrosionError: the checkpoint can't be loaded, something is at `folder` already, or it
            can't be written.
    """
    settings = settings or PackSettings()
    path = checkpoint_of(checkpoint)
    if is_taken(folder):
        raise CorrosionError(f"{folder} is there already: choose another folder, or remove it.")
    content, _ = read_content(path)
    if content.get(KEY) is None:
        sign(content)
    network = load_model(path)
    card = model_card(_facts(path, network, settings))
    with replacing_folder(folder) as temporary:
        own = write_packed(content, temporary)
        (temporary / CONFIG).write_text(
            config_text({**_timm_config(network), **own}), encoding="utf-8"
        )
        write_text(temporary / _CARD, card)
        load_model(temporary)  # compares the digest
    return folder


def _timm_config(network: CorrosionClassifier) -> dict[str, Any]:
    """What timm writes beside weights of its own, with our pixels' statistics and size."""
    size = network.image_size
    described = {
        "input_size": (3, size, size),
        "mean": tuple(network.mean.flatten().tolist()),
        "std": tuple(network.std.flatten().tolist()),
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "crop_mode": _CROP_MODES[network.resize],
    }
    with TemporaryDirectory() as folder:
        path = Path(folder) / CONFIG
        save_config_for_hf(network.backbone, str(path), data_config=described)
        return dict(read_json(path, kind=dict))


def _facts(path: Path, network: CorrosionClassifier, settings: PackSettings) -> CardFacts:
    run = RunDirectory.holding(path)
    known, evaluation = describe(path), None
    if run is not None and run.is_finished:
        evaluation = evaluate_run(run.path)
    elif run is not None:
        log.warning("%s has not finished: the card has no figures", run.path)
    return CardFacts(
        title=settings.title or f"Corroded metal, {known['backbone']}",
        description=known,
        cautions=tuple(cautions(network).values()),
        settings=settings,
        run=None if run is None else read_run_facts(run),
        evaluation=evaluation,
    )
