"""`corrosion predict --camera`: a live source, its alarms, and a line now and then."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from typing import TYPE_CHECKING

from corrosion.cli.options import option_name
from corrosion.errors import CorrosionError
from corrosion.runs import checkpoint_of
from corrosion.settings.live import LiveSettings
from corrosion.settings.prediction import PredictionSettings
from corrosion.settings.serve import ServeSettings
from corrosion.system.processors import share_processors

if TYPE_CHECKING:  # numpy
    from corrosion.prediction.live import LiveView

log = logging.getLogger(__name__)

_EVERY = 10.0  # seconds between lines
_TAKEN = ("device", "threshold", "backend")  # settings of a prediction that mean something live


def watch_live(
    options: argparse.Namespace, settings: PredictionSettings, live: LiveSettings
) -> int:
    """Look at a live source until it ends, or until Ctrl-C.

    Args:
        options: of the command.
        settings: the device, the backend and the threshold.
        live: the source and its alarms.

    Raises:
        CorrosionError: something else was asked for too, the network or the source can't be read,
            or the folder of the alarms can't be written.
    """
    _refuse_others(options, settings)
    path = checkpoint_of(options.checkpoint)
    share_processors()  # before numpy and torch are imported
    from corrosion.data.live import LiveSource
    from corrosion.prediction.alarms import Alarms
    from corrosion.prediction.live import watch
    from corrosion.serve.network import open_network

    assert live.camera is not None
    source = LiveSource(live.camera, loop=live.loop)
    served = ServeSettings(**{name: getattr(settings, name) for name in _TAKEN})
    network = open_network(path, served)
    for caution in network.cautions:
        log.warning("%s", caution)
    frames = raised = 0
    due = time.monotonic()
    try:
        with Alarms(live.alarms, live.webhook) as alarms, source:
            for view in watch(
                source,
                lambda image: network.look([image])[0],
                network.rule,
                network.resize,
                alarm_frames=live.alarm_frames,
                max_fps=live.max_fps,
            ):
                if view is not None:
                    frames += 1
                    if view.raised:
                        raised += 1
                        alarms.add(source.name, view)
                if time.monotonic() >= due:
                    due = time.monotonic() + _EVERY
                    sys.stdout.write(f"{source.name}: {_line(view)}\n")
                    sys.stdout.flush()
    except KeyboardInterrupt:
        pass
    sys.stdout.write(f"{frames} frames were looked at, {raised} alarms raised\n")
    return 0


def _line(view: LiveView | None) -> str:
    if view is None:
        return "no frame"
    return f"{view.probability:.3f} {view.marked.decision}, {view.rate:.1f} frames/s"


def _refuse_others(options: argparse.Namespace, settings: PredictionSettings) -> None:
    """Refuse what a run over files alone can be told."""
    given = [*options.paths, *(["--out"] if options.out else []), *(["--resume"] * options.resume)]
    for name, field in PredictionSettings.model_fields.items():
        if name not in _TAKEN and getattr(settings, name) != field.default:
            given.append(option_name([name]))
    if given:
        raise CorrosionError(
            f"--camera is looked at live, without {given[0]}: leave it out. Alarms are written by "
            f"--alarms FOLDER."
        )
