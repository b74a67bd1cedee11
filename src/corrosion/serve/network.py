"""The network of a service: a checkpoint, or an exported file, behind one call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corrosion.data.resizing import Resize, build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.decisions import Rule
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.explanation.share_interval import ShareInterval
from corrosion.prediction.outputs import Look
from corrosion.settings.serve import ServeSettings


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
        settings: the device, the threshold, and whether regions are wanted.

    Raises:
        CorrosionError: the file is missing or damaged, the threshold is unknown, or the device
            can't be used.
    """
    explain, masks = not settings.no_regions, settings.masks
    # of `runtime.sessions`, told by the ending as `corrosion predict` does
    if path.suffix in (".onnx", ".xml", ".pt2"):
        from corrosion.runtime import load

        if settings.device not in ("auto", "cpu"):
            raise CorrosionError(
                f"device={settings.device}: an exported network runs on this machine's processor. "
                f"Leave it out, or give the checkpoint instead of {path}."
            )
        if masks:
            raise CorrosionError(
                f"masks=True: an exported network makes none. Leave it out, or give the checkpoint "
                f"instead of {path}."
            )
        exported = load(path)
        return ServedNetwork(
            path.name,
            partial(exported.look, explain=explain),
            decision_rule(exported, settings.threshold),
            build_resize(exported.image_size, exported.resize),
            tuple(exported.metadata.cautions),
            kinds=exported.metadata.kinds,
        )
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
        partial(predict_batch, network, explain=explain, masks=rule if masks else None),
        rule,
        build_resize(network.image_size, network.resize),
        tuple(cautions(network).values()),
        share_interval(network, None, rust_mask) if masks else None,
        network.kinds,
    )
