"""`corrosion export`: a checkpoint in, one file out that answers as the checkpoint does."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from corrosion.errors import CorrosionError
from corrosion.evaluation.competence import cautions
from corrosion.export.formats import traced, write_onnx, write_openvino, write_torch
from corrosion.export.graph import InspectionGraph
from corrosion.export.parity import Parity, compare
from corrosion.export.photographs import (
    Inputs,
    generated_inputs,
    inputs_of_folder,
    inputs_of_run,
)
from corrosion.export.quantising import PRECISIONS, Cost, cost, quantise, with_metadata
from corrosion.export.target import check_format, check_quantiser, check_target, format_of
from corrosion.export.web_page import write_inspector
from corrosion.export.web_runtime import web_runtime
from corrosion.models.checkpoint import describe, load_model
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runs import checkpoint_of
from corrosion.runtime.described import describe_file
from corrosion.runtime.metadata import RESIZE_RULE, SCHEMA, Metadata
from corrosion.runtime.network import load
from corrosion.runtime.seal import UNSEALED, seal
from corrosion.settings.export import ExportSettings
from corrosion.system.files import unwritable

log = logging.getLogger(__name__)

_CALIBRATING = 128  # photographs that show what values occur


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes:
        path: the file.
        metadata: what it says of itself.
        parity: how far it is from the checkpoint.
        photographs: what it was compared on, in words.
        cost: what 8 bits cost; None for float32.
    """

    path: Path
    metadata: Metadata
    parity: Parity
    photographs: str
    cost: Cost | None = None


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
        path: new file, whose ending is that of the format: .onnx, .xml, .pt2 or .html.
        settings: the defaults if None.

    Returns:
        What was written, with the comparison.

    Raises:
        CorrosionError: the checkpoint is bad, the network can't be written in this format, a
            package is missing, or something is there at `path`; with `int8`, there are no labelled
            validation photographs, or 8 bits cost more accuracy than `max_loss`.
        ParityError: the file is further from the checkpoint than the tolerance; nothing is left at
            `path`.
    """
    settings = settings or ExportSettings()
    name = format_of(settings.format, path)
    settings = settings.replace(format=name)  # what does not go with it
    check_format(name)
    check_target(path, name)
    if settings.int8:
        check_quantiser()
    # found before the long work
    runtime = web_runtime(settings.web_runtime) if name == "html" else None
    checkpoint = checkpoint_of(checkpoint)
    network = load_model(checkpoint)
    export = _export_int8 if settings.int8 else _export_float32
    with _beside(path) as folder:
        written = Path(folder) / path.name
        if runtime is None:
            found = export(network, checkpoint, written, name, settings)
        else:
            onnx = Path(folder) / "model.onnx"
            found = export(network, checkpoint, onnx, "onnx", settings)
            write_inspector(
                onnx, written, found.metadata.replace(sha256=UNSEALED.decode("ascii")), runtime
            )
            seal(written)
            found = replace(found, metadata=describe_file(written))
        move(written, path)
    return replace(found, path=path)


def _export_float32(
    network: CorrosionClassifier,
    checkpoint: Path,
    written: Path,
    name: str,
    settings: ExportSettings,
) -> Export:
    inputs = _inputs(network, checkpoint, settings)
    metadata = metadata_of(network, checkpoint)
    write(network, written, name, metadata)
    seal(written)
    exported = load(written)
    parity = compare(network, exported, inputs.batches())
    if not parity.within(settings.tolerance):
        raise ParityError(
            f"The exported file answers otherwise than {checkpoint} (tolerance="
            f"{settings.tolerance:g}), and was removed. Please report this with the name of "
            f"the backbone, {metadata.model}.",
            parity,
            inputs.what,
        )
    return Export(written, exported.metadata, parity, inputs.what)


def _export_int8(
    network: CorrosionClassifier,
    checkpoint: Path,
    written: Path,
    name: str,
    settings: ExportSettings,
) -> Export:
    validation = inputs_of_run(network, checkpoint, "val")
    if validation is None or validation.records is None:
        raise CorrosionError(
            f"int8: {checkpoint} lies in no run whose validation photographs are there, and what 8 "
            f"bits cost can't be told without. Give the checkpoint in its run's directory."
        )
    calibration = _calibration(network, checkpoint, settings)
    exact, whole = written.with_name("float32.onnx"), written.with_name("int8.onnx")
    write(network, exact, "onnx", metadata_of(network, checkpoint))
    losses = []
    for precision in PRECISIONS:
        metadata = metadata_of(network, checkpoint, precision=precision)
        quantise(exact, whole, calibration.pixels, precision, metadata.text)
        if name == "openvino":
            write_openvino(whole, written, metadata.text)
        else:
            whole.replace(written)
        seal(written)
        exported = load(written)
        parity = compare(network, exported, validation.batches())
        found = cost(
            validation.records, parity.known, parity.probabilities, threshold=network.threshold
        )
        if found.loss <= settings.max_loss:
            caution = found.caution(parity.decisions, parity.outputs["probability"].largest)
            metadata = metadata.replace(cautions=(*metadata.cautions, caution))
            _tell(whole if name == "openvino" else written, written, name, metadata)
            return Export(written, load(written).metadata, parity, validation.what, found)
        losses.append(f"{precision}: {found.loss:.4f}")
        log.warning("%s costs an accuracy of %.4f on validation: too much", precision, found.loss)
    raise CorrosionError(
        f"int8: 8 bits cost more accuracy on {validation.what} than max_loss={settings.max_loss:g} "
        f"({'; '.join(losses)}). No file was written: export in float32, or allow a larger loss."
    )


def _tell(onnx: Path, written: Path, name: str, metadata: Metadata) -> None:
    """Give a network of 8 bits other metadata, and seal it again."""
    with_metadata(onnx, metadata.text)
    if name == "openvino":
        write_openvino(onnx, written, metadata.text)
    seal(written)


def _calibration(
    network: CorrosionClassifier, checkpoint: Path, settings: ExportSettings
) -> Inputs:
    if settings.calibration is not None:
        return inputs_of_folder(network, settings.calibration, _CALIBRATING, "calibration")
    found = inputs_of_run(network, checkpoint, "train", _CALIBRATING)
    if found is None:
        raise CorrosionError(
            f"calibration is not given, and the training photographs of {checkpoint} are gone: "
            f"give a folder of photographs."
        )
    return found


@contextmanager
def _beside(path: Path) -> Iterator[str]:
    """A temporary folder on the disk of a new file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem[:80]}-")
    except OSError as error:
        raise unwritable(path, error) from error
    with temporary as folder:
        yield folder


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
        kinds=network.kinds,
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
