"""`corrosion train-masks`: masks, or labels alone, in; a checkpoint that outlines rust out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, option_name, read_options
from corrosion.cli.paths import CHECKPOINT, add_out, folder, name_of, own_folder
from corrosion.errors import CorrosionError
from corrosion.runs import checkpoint_of
from corrosion.settings.mask_training import MaskTrainingSettings
from corrosion.system.processors import share_processors

if TYPE_CHECKING:
    import pandas as pd

    from corrosion.training.masks.labelled import Labelled

_FOR_MASKS = {"epochs", "validation", "masks_only", "sound"}
_MASKS_OF_NEW = "Masks of new photographs: corrosion predict {out} PHOTOS --masks\n{out}\n"
_FEW = 5  # validation photographs, below which one of them decides


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)
    parser.add_argument(
        "photographs",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="folder with images/ and masks/: of images/NAME.jpg masks/NAME.png, which is not "
        "black where there is rust; by default there are none, and the network learns from its own "
        "outlines of the photographs that it was trained on",
    )
    add_out(parser, "masks-FOLDER or masks-labels")
    add_options(parser, MaskTrainingSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(MaskTrainingSettings, options)
    checkpoint = checkpoint_of(options.checkpoint)
    share_processors()  # before numpy and torch are imported
    if options.photographs is None:
        for_masks = sorted(settings.model_fields_set & _FOR_MASKS)
        if for_masks:
            raise CorrosionError(
                f"{', '.join(option_name([name]) for name in for_masks)}: without a FOLDER with "
                f"masks there is nothing that this could change. Leave it out, or give FOLDER."
            )
        from corrosion.training.masks.labelled import Labelled

        known = Labelled.to_learn_from(checkpoint)
        _from_labels(checkpoint, known, settings, own_folder(options, "masks-labels"))
        return
    photographs = folder(options.photographs, "one with images/ and masks/")
    if settings.sound is not None:
        folder(settings.sound, "one with photographs without rust (--sound)")
    out = own_folder(options, f"masks-{name_of(photographs)}")
    _from_masks(checkpoint, photographs, settings, out)


def _from_labels(
    checkpoint: Path, known: Labelled, settings: MaskTrainingSettings, out: Path
) -> None:
    from corrosion.models.device import choose_device
    from corrosion.report.tables import print_sentences
    from corrosion.training.masks.train_from_labels import train_from_labels

    if settings.device != "auto":
        choose_device(settings.device)
    table = train_from_labels(checkpoint, known, settings, out)
    shares = [
        f"of {len(rows)} {name} ones {rows['rusted_share'].mean():.3f} "
        f"(before {rows['rusted_share_from_labels'].mean():.3f})"
        for name, label in (("corroded", 1), ("sound", 0))
        if len(rows := table[table["label"] == label])
    ]
    told = [
        "How right masks are, only photographs with masks can tell: corrosion predict "
        "--share-truth FOLDER takes the intervals of shares from them."
    ]
    if shares:
        told.insert(
            0,
            f"Called rust of validation photographs: {', '.join(shares)}. Where predict detects no "
            f"corrosion, it calls nothing rust.",
        )
    print_sentences(told)
    sys.stdout.write(_MASKS_OF_NEW.format(out=out))


def _from_masks(
    checkpoint: Path, photographs: Path, settings: MaskTrainingSettings, out: Path
) -> None:
    from corrosion.data.file_search import find_inputs
    from corrosion.explanation.ground_truth import find_marked

    marked = find_marked(photographs, name="FOLDER")
    sound = []
    if settings.sound is not None:
        sound = find_inputs([settings.sound], recursive=True, videos=False)
    from corrosion.models.device import choose_device
    from corrosion.report.tables import print_sentences
    from corrosion.training.masks.train_masks import train_masks

    if settings.device != "auto":
        choose_device(settings.device)
    table = train_masks(checkpoint, marked, settings, out, sound=list(map(Path, sound)))
    error = (table["rusted_share"] - table["true_share"]).abs().mean()
    scores = (
        f"{len(table)} validation photographs: IoU {table['iou'].mean():.3f} (from labels alone "
        f"{table['iou_from_labels'].mean():.3f}, by your masks alone "
        f"{table['iou_alone'].mean():.3f}, by both {table['iou_together'].mean():.3f}), Dice "
        f"{table['dice'].mean():.3f}, average precision of the pixels "
        f"{table['average_precision'].mean():.3f}, error of the rusted share {error:.3f}."
    )
    print_sentences((scores, _verdict(table)))
    sys.stdout.write(_MASKS_OF_NEW.format(out=out))


def _verdict(table: pd.DataFrame) -> str:
    """Whether the masks are better than those from labels alone, in a sentence."""
    better = int((table["iou"] > table["iou_from_labels"]).sum())
    told = f"Better than from labels alone in {better} of {len(table)}"
    if 2 * better > len(table) >= _FEW:
        return f"{told}."
    if len(table) < _FEW:
        return f"{told}: too few to tell. Mark more photographs, or give a larger --validation."
    return (
        f"{told}: no gain. Go on with the checkpoint that you had, mark more photographs, or give "
        f"more --epochs."
    )


COMMANDS = {"train-masks": Command(_add_arguments, _run)}
