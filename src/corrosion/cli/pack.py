"""`corrosion pack`: a checkpoint in, a folder for the Hugging Face hub and timm out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from corrosion.cli.command import Command
from corrosion.cli.options import add_options, read_options
from corrosion.cli.paths import CHECKPOINT, add_out, own_folder
from corrosion.runs import RunDirectory, checkpoint_of
from corrosion.settings.packing import PackSettings
from corrosion.system.processors import share_processors


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help=CHECKPOINT)
    add_out(parser, "packed-RUN")
    add_options(parser, PackSettings)


def _run(options: argparse.Namespace) -> None:
    settings = read_options(PackSettings, options)
    checkpoint = checkpoint_of(options.checkpoint)
    run = RunDirectory.holding(checkpoint)
    name = checkpoint.stem if run is None else run.path.resolve().name
    folder = own_folder(options, f"packed-{name}")
    share_processors()  # before numpy and torch are imported
    from corrosion.export.pack import pack_checkpoint

    pack_checkpoint(checkpoint, folder, settings)
    sys.stdout.write(
        f"Read {folder / 'README.md'}, the model card, before you send it on.\n"
        f"Photographs: corrosion predict {folder} PHOTOS\n"
        f'timm: timm.create_model("local-dir:{folder}", pretrained=True)\n{folder}\n'
    )


COMMANDS = {
    "pack": Command(
        _add_arguments,
        _run,
        "Write a checkpoint as a folder: weights as safetensors, config.json, and a model card "
        "with figures, data, and what the network must not be used for. timm, the Hugging Face "
        "hub and every command that takes a checkpoint take the folder.",
    )
}
