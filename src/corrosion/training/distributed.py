"""Run a function in several processes of this machine, as torchrun would, from one command."""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch.plugins.environments import SLURMEnvironment, TorchElasticEnvironment
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from corrosion.errors import CorrosionError
from corrosion.settings.trainer import TrainerSettings
from corrosion.system.processors import usable_processors
from corrosion.training.resuming import PREEMPTED, Preempted

_FORWARDED = ("SIGTERM", "SIGINT", "SIGUSR1")
# seconds in which processes that are told to end may save themselves; torch kills them after 30,
# which a validation that is to be finished first can exceed
_TO_SAVE = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "600"
# each has a level of its own
_TALKATIVE = (
    "torch.distributed.elastic",
    "torch.distributed.elastic.agent.server.api",
    "torch.distributed.elastic.multiprocessing.api",
    "torch.multiprocessing.spawn",
)
_RANK = ("RANK", "SLURM_PROCID", "LOCAL_RANK")  # of torchrun and our own start, srun, Lightning
_OUR_ERROR = CorrosionError.__name__ + ": "


def started_from_outside() -> bool:
    """Whether torchrun, srun or the like started this process as one of several."""
    srun = SLURMEnvironment.detect() and int(os.environ["SLURM_NTASKS"]) > 1
    return TorchElasticEnvironment.detect() or srun or "LOCAL_RANK" in os.environ


def silence_all_but_first() -> None:
    """Let processes other than the first, of those started together, log errors only."""
    ranks = [os.environ[key] for key in _RANK if key in os.environ]
    if ranks and int(ranks[0]) > 0:
        logging.disable(logging.WARNING)


def processes_to_start(settings: TrainerSettings) -> int:
    """How many processes a training needs on this machine.

    Args:
        settings: of the trainer.

    Returns:
        One a device; 1 too where torchrun or srun has started them.

    Raises:
        CorrosionError: several machines are wanted, which only torchrun or srun can start.
    """
    if started_from_outside():
        return 1
    if settings.num_nodes > 1:
        raise CorrosionError(
            f"num_nodes={settings.num_nodes}: start the processes of several machines by torchrun "
            f"or srun, as docs/machines.md shows."
        )
    if isinstance(settings.devices, tuple):
        return len(settings.devices)
    if settings.devices in ("auto", -1):
        gpus = settings.accelerator in ("auto", "gpu", "cuda")
        return max(1, torch.cuda.device_count()) if gpus else 1
    return int(settings.devices)


def run_in_processes(
    function: Callable[..., Any], *args: Any, count: int, logging_config: Mapping[str, Any]
) -> Any:
    """Call a function in `count` processes that can talk to each other.

    If one fails the others are ended; signals to end are handed on to all. Every call starts
    processes anew, so that the trials of a sweep share nothing.

    Args:
        function: of a module's top level.
        args: that can be pickled.
        count: number of processes.
        logging_config: for `logging.config.dictConfig` in the process of rank 0; the others log
            errors only.

    Returns:
        What the process of rank 0 returned.

    Raises:
        CorrosionError: a process raised it, or died.
        Preempted: a process raised it, or this one was told to end.
        KeyboardInterrupt: this process was interrupted.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)  # we tell it ourselves
    os.environ.setdefault(*_TO_SAVE)
    numbers = [getattr(signal, name) for name in _FORWARDED if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in numbers}
    launch = elastic_launch(
        LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            signals_to_handle=",".join(number.name for number in numbers),
        ),
        _work,
    )
    try:
        return launch(function, args, dict(logging_config), count)[0]
    except SignalException as told:
        if told.sigval == signal.SIGINT:
            raise KeyboardInterrupt from told
        raise Preempted from told
    except ChildFailedError as failed:
        _, failure = failed.get_first_failure()
        if any(one.exitcode == PREEMPTED for one in failed.failures.values()):
            raise Preempted from failed
        raise CorrosionError(_reason(failure)) from failed
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _work(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    logging_config: Mapping[str, Any],
    count: int,
) -> Any:
    """What each process does."""
    logging.config.dictConfig(dict(logging_config))
    silence_all_but_first()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, usable_processors() // count))
    try:
        return function(*args)
    except CorrosionError as error:  # without the names of its subclasses, see `_reason`
        raise CorrosionError(str(error)) from error


def _reason(failure: ProcessFailure) -> str:
    message = failure.message["message"] if isinstance(failure.message, dict) else failure.message
    if message.startswith(_OUR_ERROR):
        return message.removeprefix(_OUR_ERROR)
    if failure.exitcode == -signal.SIGKILL:
        message += ", as Linux does where memory runs out"
    return (
        f"the training process {failure.local_rank} died (exit code {failure.exitcode}): {message}."
        f" What it had saved goes on by resume=RUN_DIR."
    )
