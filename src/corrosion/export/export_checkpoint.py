"""`corrosion export`: a checkpoint in, one file out that answers as the checkpoint does."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.export.formats import (
    SUFFIXES,
    check_format,
    traced,
    write_onnx,
    write_openvino,
    write_torch,
)
from corrosion.export.graph import InspectionGraph
from corrosion.export.parity import Parity, compare
from corrosion.export.photographs import (
    Inputs,
    generated_inputs,
    inputs_of_folder,
    inputs_of_run,
)
from corrosion.models.checkpoint import describe, load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import checkpoint_of
from corrosion.runtime.metadata import RESIZE_RULE, SCHEMA, Metadata
from corrosion.runtime.network import load
from corrosion.settings.export import ExportSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        path: the file.
        metadata: what it says of itself.
        parity: how far it is from the checkpoint.
        photographs: what it was compared on, in words.
    """

    path: Path
    metadata: Metadata
    parity: Parity
    photographs: str


class ParityError(CorrosionError):
    """An exported file answers otherwise than its checkpoint.

    Attributes:
        parity: how far it is from the checkpoint.
        photographs: what it was compared on, in words.
    """

    def __init__(self, message: str, parity: Parity, photographs: str) -> None:
        super().__init__(message)
        self.parity = parity
        self.photographs = photographs


def export_checkpoint(
    checkpoint: Path, path: Path, settings: ExportSettings | None = None
) -> Export:
    """Write a checkpoint as one file, and make sure that it answers as the checkpoint does.

    Args:
        checkpoint: a checkpoint, or the directory of a run for its best.
        path: new file, whose ending is that of the format: .onnx, .xml or .pt2.
        settings: the defaults if None.

    Returns:
        What was written, with the comparison.

    Raises:
        CorrosionError: the checkpoint is bad, the network can't be written in this format, a
            package is missing, or something is there at `path`.
        ParityError: the file is further from the checkpoint than the tolerance; nothing is left at
            `path`.
    """
    settings = settings or ExportSettings()
    check_format(settings.format)
    check_target(path, settings.format)
    checkpoint = checkpoint_of(checkpoint)
    network = load_model(checkpoint)
    inputs = _inputs(network, checkpoint, settings)
    metadata = metadata_of(network, checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem[:80]}-") as folder:
        written = Path(folder) / path.name
        write(network, written, settings.format, metadata)
        parity = compare(network, load(written), inputs.batches())
        if not parity.within(settings.tolerance):
            raise ParityError(
                f"The exported file answers otherwise than {checkpoint} (tolerance="
                f"{settings.tolerance:g}), and was removed. Please report this with the name of "
                f"the backbone, {metadata.model}.",
                parity,
                inputs.what,
            )
        move(written, path)
    return Export(path, metadata, parity, inputs.what)


def check_target(path: Path, name: str) -> None:
    """Make sure that a new file can be called so.

    Raises:
        CorrosionError: something is there, or its ending is not that of the format.
    """
    if path.suffix != SUFFIXES[name]:
        raise CorrosionError(f"--out={path}: files of format={name} end in {SUFFIXES[name]}.")
    for one in (path, *([path.with_suffix(".bin")] if name == "openvino" else [])):
        if one.exists():
            raise CorrosionError(f"{one} is there already: choose another --out, or remove it.")


def metadata_of(
    network: CorrosionClassifier, checkpoint: Path, *, precision: str = "float32"
) -> Metadata:
    """What the file of a checkpoint's network says of itself."""
    with checkpoint.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Metadata(
        schema_version=SCHEMA,
        model=str(describe(checkpoint)["backbone"]),
        classes=network.classes,
        image_size=network.image_size,
        resize=network.resize,  # type: ignore[arg-type]  # checked when the network was made
        resize_rule=RESIZE_RULE,
        threshold=network.threshold,
        thresholds=dict(network.thresholds),
        band=network.band,
        temperature=network.temperature,
        tta=network.tta,
        outputs=InspectionGraph(network).names,
        precision=precision,
        checkpoint=digest,
        cautions=tuple(cautions(network).values()),
        written_by=version("corrosion"),
    )


def write(network: CorrosionClassifier, path: Path, name: str, metadata: Metadata) -> None:
    """Write a network in a format in float32.

    Raises:
        CorrosionError: it can't be written so.
    """
    program = traced(InspectionGraph(network))
    if name == "torch":
        write_torch(program, path, metadata.text)
    elif name == "onnx":
        write_onnx(program, path, metadata.text)
    else:
        onnx = path.with_suffix(".onnx")
        write_onnx(program, onnx, metadata.text)
        write_openvino(onnx, path, metadata.text)
        onnx.unlink()


def move(written: Path, path: Path) -> None:
    """Give a finished file its name, its weights first."""
    weights = written.with_suffix(".bin")
    if weights.is_file():
        weights.replace(path.with_suffix(".bin"))
    written.replace(path)


def _inputs(network: CorrosionClassifier, checkpoint: Path, settings: ExportSettings) -> Inputs:
    if settings.photographs is not None:
        return inputs_of_folder(network, settings.photographs, settings.count, "photographs")
    found = inputs_of_run(network, checkpoint, "val", settings.count)
    if found is None:
        log.warning(
            "%s lies in no run whose validation photographs are there: the file is compared on "
            "generated pictures. Give --photographs FOLDER for a comparison on yours.",
            checkpoint,
        )
        return generated_inputs(network)
    return found
