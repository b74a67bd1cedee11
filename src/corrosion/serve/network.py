"""The network of a service: a checkpoint, or an exported file, behind one call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from corrosion.data.resizing import Resize, build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.share_interval import ShareInterval
from corrosion.prediction.outputs import Look
from corrosion.settings.serve import ServeSettings

if TYPE_CHECKING:
    from corrosion.runtime.network import ExportedNetwork


@dataclass(frozen=True, eq=False)
class ServedNetwork:
    """What answers.

    Attributes:
        name: name of its file.
        look: the network; with class activation maps, unless regions are left out.
        rule: how probabilities become decisions.
        resize: how photographs become its input.
        cautions: sentences without which no decision of it should be read.
        rust: gives rusted shares their intervals; None where no masks are made.
        kinds: names of the kinds of corrosion that it tells apart.
    """

    name: str
    look: Look
    rule: Rule
    resize: Resize
    cautions: tuple[str, ...] = ()
    rust: ShareInterval | None = None
    kinds: tuple[str, ...] = ()


def open_network(path: Path, settings: ServeSettings) -> ServedNetwork:
    """Load what `corrosion predict` takes as its network.

    Args:
        path: a checkpoint, or a file that `corrosion export` has written.
        settings: the device, the backend, the threshold, and whether regions are wanted.

    Raises:
        CorrosionError: the file is missing or damaged, the threshold is unknown, or the device
            or the backend can't be used.
    """
    explain = not settings.no_regions
    # of `runtime.sessions`, told by the ending as `corrosion predict` does
    if path.suffix in (".onnx", ".xml", ".pt2", ".html"):  # of a page it tells what to do
        from corrosion.runtime import load

        _check_exported(settings, instead=f"give the checkpoint instead of {path}")
        return _exported(path.name, load(path, backend=settings.backend or "auto"), settings)
    if settings.backend is not None:
        from corrosion.export.for_prediction import network_for

        check = partial(_check_exported, settings, instead="choose backend=torch")
        kept = network_for(path, settings.backend, settings.device, check)
        if kept is not None:
            return _exported(path.name, kept, settings)
    import torch

    from corrosion.evaluation.competence import cautions
    from corrosion.explanation.rust_mask import rust_mask
    from corrosion.models.checkpoint import load_model
    from corrosion.models.device import choose_device
    from corrosion.prediction.batches import predict_batch
    from corrosion.prediction.mask_writer import share_interval

    network = load_model(path, device=choose_device(settings.device))
    network = network.to(memory_format=torch.channels_last)
    rule = decision_rule(network, settings.threshold)
    return ServedNetwork(
        path.name,
        partial(predict_batch, network, explain=explain, masks=rule if settings.masks else None),
        rule,
        build_resize(network.image_size, network.resize),
        tuple(cautions(network).values()),
        share_interval(network, None, rust_mask) if settings.masks else None,
        network.kinds,
    )


def _exported(name: str, network: ExportedNetwork, settings: ServeSettings) -> ServedNetwork:
    return ServedNetwork(
        name,
        partial(network.look, explain=not settings.no_regions),
        decision_rule(network, settings.threshold),
        build_resize(network.image_size, network.resize),
        tuple(network.metadata.cautions),
        kinds=network.metadata.kinds,
    )


def _check_exported(settings: ServeSettings, *, instead: str) -> None:
    """Refuse what an exported network can't do."""
    refused = [
        *([] if settings.device in ("auto", "cpu") else [f"device={settings.device}"]),
        *(["masks=True"] if settings.masks else []),
    ]
    if refused:
        raise CorrosionError(
            f"{', '.join(refused)}: an exported network runs on processors and makes no masks. "
            f"Leave it out, or {instead}."
        )
