"""`corrosion predict --engine ray`: a run over files on the machines of a Ray cluster.

Ray Data reads and decodes shards in tasks wherever a processor is free, and hands their inputs to
actors, each of which has the network. Rows come back here, where finished shards are written: so a
killed process or machine costs the work that it had in hand. Source: Ray Data's user guide,
https://docs.ray.io/en/latest/data/data.html (tasks and actors are run again where they die, as are
those whose results were lost with a machine).
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrosion.errors import CorrosionError
from corrosion.prediction.file_run import FileRun
from corrosion.prediction.mask_files import mask_files
from corrosion.prediction.mask_writer import MaskWriter
from corrosion.prediction.outputs import Look
from corrosion.prediction.ray_address import WAY_OUT, has_token
from corrosion.prediction.ray_tasks import Predicting, Reading
from corrosion.prediction.shards import SHARD, Shard, ShardedFolder, ShardWriter
from corrosion.system.processors import usable_processors
from corrosion.system.progress import progress

if TYPE_CHECKING:
    import pyarrow

log = logging.getLogger(__name__)

_ROUND = 2000  # shards that Ray knows of at a time: it keeps some kilobytes of each
_OBJECTS = 512 * 2**20  # bytes of decoded photographs on this machine, beside what spills to disk
_STARTS = 3  # attempts to start Ray on this machine
_BLOCK = 32 * 2**20  # bytes of inputs that are handed on at a time
# of a processor; together less than one, so that machines of one have room for both
_NETWORK, _DECODER = 0.1, 0.8

GPU, CPU = "cuda", "cpu"


def predict_on_ray(
    run: FileRun,
    load: Callable[[str], Callable[[], Look]],
    masks: MaskWriter | None = None,
    *,
    device: str = "auto",
) -> None:
    """Predict the shards of a run that are not finished.

    Args:
        run: the run, which has begun.
        load: gives, for a device ("cuda" or "cpu"), what loads the network there; it is sent to
            other processes.
        masks: writes masks of rust, where they are wanted.
        device: "cuda", "cpu", or "auto" for GPUs if the cluster has some.

    Raises:
        CorrosionError: there is no cluster at `address`; it has fewer GPUs than `devices`; the
            network or the disk fails.
    """
    folder = ShardedFolder(run.out)
    unfinished = folder.unfinished()
    if not unfinished:
        return
    files = sum(shard.files for shard in unfinished)
    log.info("%d files are left, in shards of %d", files, SHARD)
    shutil.rmtree(folder.attempts, ignore_errors=True)
    places = [] if masks is None else mask_files(run.paths, folder.files())
    with ray_session(run.settings.address):
        device, copies = _copies(device, run.settings.devices)
        rounds = iter(unfinished)
        with _told(run):
            bar = iter(progress(range(files), "predicting on Ray", total=files))
            while some := list(islice(rounds, _ROUND)):
                writer = ShardWriter(folder, some)
                for rows in _rows(run, some, places, load(device), masks, device, copies):
                    finished = {*rows["item"].filter(rows["last"]).to_pylist()}
                    for _ in islice(bar, len(finished)):
                        pass
                    writer.add(rows)
            for _ in bar:  # files that were told twice
                pass
    for half_written in run.out.glob("*/*/.*"):  # pictures of processes that were killed
        half_written.unlink()


def _rows(
    run: FileRun,
    shards: Sequence[Shard],
    places: Sequence[str],
    load: Callable[[], Look],
    masks: MaskWriter | None,
    device: str,
    copies: int,
) -> Iterator[pyarrow.Table]:
    """The rows of shards, in any order."""
    import ray.data

    folder, share = ShardedFolder(run.out), run.share()
    # a processor each: many tasks decode at a time
    reader = replace(share.reader, threads=1, ahead=share.batch_size)
    reading = Reading(Path.cwd(), folder.listing, folder.attempts, reader, share.batch_size)
    given = [
        vars(shard) | {"masks": list(places[shard.number * SHARD :][: shard.files])}
        for shard in shards
    ]
    inputs = ray.data.from_items(given, override_num_blocks=len(given)).map_batches(
        reading.pieces,
        batch_size=1,
        num_cpus=_DECODER,
        concurrency=run.settings.num_workers,
    )
    rows = inputs.map_batches(
        Predicting,
        fn_constructor_args=(load, run.renderer(masks), folder.attempts, Path.cwd()),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=copies, initial_size=copies),
        num_cpus=_NETWORK,
        num_gpus=1 if device == GPU else 0,
    )
    yield from rows.iter_batches(batch_size=None, batch_format="pyarrow")


def _copies(device: str, devices: int) -> tuple[str, int]:
    """The device of the networks, and how many there shall be on this cluster."""
    import ray

    resources = ray.cluster_resources()
    gpus, processors = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
    if device == CPU or (device == "auto" and not gpus):
        return CPU, max(1, processors // 2) if devices == -1 else devices
    if max(1, devices) > gpus:
        raise CorrosionError(
            f"device={device}, devices={devices}: the Ray cluster has {gpus or 'no'} GPUs. Give "
            f"{'devices=-1 for all of them' if gpus else 'device=cpu'}."
        )
    return GPU, gpus if devices == -1 else devices


@contextmanager
def ray_session(address: str | None) -> Iterator[None]:
    """Ray on this machine alone, or the cluster at an address; one that is joined already stays.

    Raises:
        CorrosionError: there is no cluster, or Ray does not start.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is told to anybody
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its own files have the rest
    if address not in (None, "auto") and has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray itself looks for it with "auto" only
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors are raised too
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = _BLOCK
    if ray.is_initialized():
        yield
        return
    with _temporary(address) as temporary:
        _start(address, temporary)
        try:
            yield
        finally:
            ray.shutdown()


def _start(address: str | None, temporary: Path | None) -> None:
    """Join a cluster, or start Ray on this machine with a folder for what it needs meanwhile."""
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if temporary is None:
        options |= {"address": address}
    else:
        options |= {
            "address": "local",
            "num_cpus": usable_processors(),
            "include_dashboard": False,
            "object_store_memory": _OBJECTS,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": str(temporary),
        }
    for left in reversed(range(1 if temporary is None else _STARTS)):
        try:
            ray.init(**options)
        except Exception as error:  # Ray raises plain ones too, as after 30 s on a busy machine
            ray.shutdown()
            if left:
                continue
            reason = " ".join(str(error).split())[:300]
            way_out = (
                "Try again when the machine is less busy, or leave out engine=ray."
                if address is None
                else WAY_OUT
            )
            raise CorrosionError(f"address={address}: Ray fails: {reason} {way_out}") from error
        return


@contextmanager
def _temporary(address: str | None) -> Iterator[Path | None]:
    """A folder for Ray on this machine, removed at the end; None for a cluster that runs."""
    if address is not None:
        yield None
        return
    # the names of its sockets are as long as Linux allows where folders lie deep
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp" if os.name == "posix" else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _told(run: FileRun) -> Iterator[None]:
    """What went wrong in a process of Ray, as if it had gone wrong here.

    Raises:
        CorrosionError: that of the process; or what Ray says.
    """
    from ray.exceptions import RayError

    try:
        yield
    except Exception as error:
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, CorrosionError):
                raise cause from error
        if any(isinstance(cause, RayError) for cause in causes):
            # that of a process that did not start is empty, and its cause is in Ray's own words
            told = next((text for cause in reversed(causes) if (text := str(cause).strip())), "")
            reason = told.splitlines()[-1] if told else type(error).__name__
            raise CorrosionError(
                f"Ray could not go on with {run.out}: {reason} What is finished is kept: resume "
                f"the run."
            ) from error
        raise


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those that it came of."""
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__
