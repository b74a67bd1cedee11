"""`corrosion predict` with an exported network: the same files out, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corrosion.data.resizing import build_resize
from corrosion.errors import CorrosionError
from corrosion.evaluation.named_thresholds import decision_rule
from corrosion.prediction.file_run import FileRun, check_prediction, told_of_end
from corrosion.prediction.output_folder import Counts
from corrosion.prediction.outputs import Look
from corrosion.runtime.network import ExportedNetwork, load
from corrosion.settings.prediction import PredictionSettings


def predict_files(
    network: ExportedNetwork,
    paths: Sequence[str | Path],
    out: Path,
    settings: PredictionSettings | None = None,
    *,
    resume: bool = False,
) -> Counts:
    """Predict files and write what an inspector needs.

    Args:
        network: network as `corrosion.runtime.load` gives it.
        paths: as `corrosion.prediction.predict_files.predict_files` takes them.
        out: folder of the results.
        settings: the defaults if None; masks, tiles and fine maps need the checkpoint.
        resume: go on with a run that was killed; a finished one is left as it is.

    Raises:
        CorrosionError: as that function, or a setting needs the checkpoint.
        RunEndingError, KeyboardInterrupt: as that function.
    """
    settings = settings or PredictionSettings()
    check_exported(settings, instead=f"give the checkpoint instead of {network.path}")
    check_prediction(settings)
    run = FileRun(
        network.path,
        paths,
        out,
        settings,
        decision_rule(network, settings.threshold),
        build_resize(network.image_size, network.resize),
        network.metadata.cautions,
        kinds=network.metadata.kinds,
    )
    with ExitStack() as held:
        held.enter_context(told_of_end())
        counts = run.begin(held, resume=resume)
        if counts is not None:
            return counts
        if settings.engine == "ray":
            from corrosion.prediction.ray_engine import predict_on_ray

            loads = _Load(network.path.absolute(), settings.explain)
            predict_on_ray(run, lambda _: loads, device="cpu")
            return run.finish()
        writer = run.writer()
        held.callback(writer.close)
        writer.begin()
        look = partial(network.look, explain=settings.explain)
        for batch in run.share().batches():
            writer.add(look(batch))
        writer.finish()
        return run.finish()


@dataclass(frozen=True)
class _Load:
    """Loads a network where Ray wants one."""

    path: Path
    explain: bool

    def __call__(self) -> Look:
        return partial(load(self.path).look, explain=self.explain)


def check_exported(settings: PredictionSettings, *, instead: str) -> None:
    """Refuse what an exported network can't do.

    Args:
        settings: how files are to be predicted.
        instead: what else to do than to leave the setting out, for the message.

    Raises:
        CorrosionError: a setting needs the checkpoint.
    """
    asked = {
        "masks=True": settings.masks,
        "tiles=True": settings.tiles,
        "map=fine": settings.map == "fine",
        f"device={settings.device}": settings.device not in ("auto", "cpu"),
        f"devices={settings.devices}": settings.devices != 1 and settings.engine != "ray",
    }
    refused = [name for name, wanted in asked.items() if wanted]
    if refused:
        raise CorrosionError(
            f"{', '.join(refused)}: an exported network runs on processors and sees "
            f"whole photographs at one size. Leave it out, or {instead}."
        )
