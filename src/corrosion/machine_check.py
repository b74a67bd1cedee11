"""What a training needs of this machine, looked for before it starts: files, folders, devices."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corrosion.errors import CorrosionError
from corrosion.runs import RunDirectory
from corrosion.settings.model import BINARY_CROSS_ENTROPY
from corrosion.settings.ranges import as_written
from corrosion.settings.resumed import saved_settings
from corrosion.settings.run import RunSettings
from corrosion.settings.trainer import TrainerSettings
from corrosion.system.configuration import config_dir
from corrosion.system.extras import EXTRAS, require_package
from corrosion.system.place_names import is_elsewhere, refuse_address
from corrosion.system.processors import check_processes, has_surely_no_gpu


def check_machine(settings: RunSettings) -> None:
    """Refuse what this machine lacks.

    PyTorch is imported only where it alone can tell.

    Args:
        settings: of the training.

    Raises:
        CorrosionError: a file, a package, a device, a backbone or a module is not there.
    """
    _check_files(settings)
    if settings.logger.name in EXTRAS:
        require_package(settings.logger.name, f"logger={settings.logger.name}", instead="csv")
    _check_devices(settings.trainer)
    _check_code(settings)


def check_writable(folder: str, *, key: str) -> None:
    """Refuse a folder for results in which nothing can be made.

    Args:
        folder: path of the folder, which need not be there.
        key: of the setting that says so.

    Raises:
        CorrosionError: nothing can be written there, or it is an address.
    """
    if not folder.strip():
        raise CorrosionError(f"{key}='': give the folder of the results.")
    refuse_address(folder, option=key)
    wanted = Path(folder).expanduser().absolute()
    try:
        there = next(one for one in (wanted, *wanted.parents) if one.exists())
        tempfile.TemporaryDirectory(dir=there).cleanup()
    except OSError as error:
        raise CorrosionError(
            f"{key}={wanted}: nothing can be written there ({error.strerror}). Give another {key}."
        ) from error


def check_ray(launcher: Mapping[str, Any]) -> None:
    """Refuse trials on Ray that need more than this machine has: they would wait for ever.

    Args:
        launcher: `hydra.launcher.ray`; empty for other launchers. What a cluster has that is joined
            is its own matter.

    Raises:
        CorrosionError: naming what a trial asks for.
    """
    started, trial = launcher.get("init") or {}, launcher.get("remote") or {}
    if not launcher or started.get("address") or "RAY_ADDRESS" in os.environ:
        return
    key = "hydra.launcher.ray.remote"
    processors = started.get("num_cpus") or os.cpu_count() or 1
    if (trial.get("num_cpus") or 0) > processors:
        raise CorrosionError(
            f"{key}.num_cpus={trial['num_cpus']}: this machine has {processors}, so no trial would "
            f"begin. Give {key}.num_cpus={processors} or fewer."
        )
    if (trial.get("num_gpus") or 0) and not started.get("num_gpus") and has_surely_no_gpu():
        raise CorrosionError(
            f"{key}.num_gpus={trial['num_gpus']}: this machine has no GPU, so no trial would "
            f"begin. Give {key}.num_gpus=0."
        )


def _check_files(settings: RunSettings) -> None:
    for root in settings.data.roots:
        if settings.data.source == "folder" and not (is_elsewhere(root) or root.is_dir()):
            raise CorrosionError(f"root={root}: there is no such folder.")
    split = settings.data.split_file
    if split is not None and not split.expanduser().is_file():
        raise CorrosionError(f"split_file={split}: there is no such file.")
    weights = settings.model.weights
    if weights not in (None, "auto", "imagenet") and not Path(weights).expanduser().is_file():
        raise CorrosionError(
            f"weights={weights}: there is no such file; give auto, imagenet, null or a path."
        )
    if settings.resume not in (None, "auto"):
        _check_resume(settings.resume)


def _check_resume(resume: str) -> None:
    """Refuse what nothing goes on from; `corrosion.training.resuming.find_checkpoint` finds it."""
    given = Path(resume).expanduser()
    if not given.exists():
        raise CorrosionError(f"resume={resume}: there is no such run or checkpoint.")
    run = RunDirectory(given)
    if not given.is_dir() or run.last.is_file():
        return
    if run.is_finished:
        raise CorrosionError(
            f"resume={resume}: this run is finished, and has no last.ckpt to train on from. Its "
            f"network is {run.best}; model.weights={run.best} begins another run with its weights."
        )
    if run.config_file.is_file() and saved_settings(run.config_file).model.is_probe:
        raise CorrosionError(
            f"resume={resume}: a probe is not resumed, since its head is found at once, at the "
            f"end. Give its command again, with resume=auto hydra.run.dir={resume}; features that "
            f"were computed are kept."
        )
    raise CorrosionError(
        f"resume={resume}: there is no {run.last}. Give a checkpoint, the directory of a run that "
        f"saved one, or resume=auto with hydra.run.dir=RUN_DIR."
    )


def _check_devices(trainer: TrainerSettings) -> None:
    wanted, devices = trainer.accelerator, trainer.devices
    if wanted == "tpu":
        raise CorrosionError(
            "accelerator=tpu: networks of this program don't train on TPUs; trainer=default takes "
            "what there is."
        )
    half = trainer.precision in ("16-mixed", "16-true")
    several = isinstance(devices, tuple) or (isinstance(devices, int) and devices > 1)
    if wanted == "cpu" or (wanted == "auto" and not several and not half):
        gpus = 0
    else:
        import torch

        gpus = torch.cuda.device_count()
        mps = torch.backends.mps.is_available()
        if (wanted == "mps" and not mps) or (wanted in ("gpu", "cuda") and not (gpus or mps)):
            raise CorrosionError(
                f"accelerator={wanted}: PyTorch finds no such device on this machine; "
                f"trainer=default takes what there is."
            )
        if wanted == "mps" or (mps and not gpus):
            half = False  # it has float16
            gpus = 1
    _check_number(devices, gpus)
    if half and not gpus:
        raise CorrosionError(
            f"precision={trainer.precision}: processors don't train in float16. Give auto, or "
            f"bf16-mixed."
        )


def _check_number(devices: object, gpus: int) -> None:
    """Refuse more devices than there are, and many more processes than processors."""
    if isinstance(devices, tuple):
        given = as_written(devices)
        if not gpus:
            raise CorrosionError(
                f"devices={given}: PyTorch finds no GPU on this machine; a "
                f"number of processes is given as devices={len(devices)}."
            )
        if max(devices) >= gpus:
            raise CorrosionError(f"devices={given}: this machine has {gpus}, numbered from 0.")
    elif isinstance(devices, int) and devices > 1:
        if gpus and devices > gpus:
            raise CorrosionError(f"devices={devices}: this machine has {gpus}. Give that, or auto.")
        check_processes(devices, name="devices")


def _check_code(settings: RunSettings) -> None:
    """A backbone that timm must know, and modules of the user's."""
    model = settings.model
    if not (config_dir() / "model" / f"{Path(model.backbone).name}.yaml").is_file():
        from corrosion.models.backbones import timm_name

        timm_name(model.backbone)
    own = (*settings.extensions, *settings.metrics, *settings.augment.extra)
    if own or model.loss != BINARY_CROSS_ENTROPY:
        from corrosion.training.extensions import load_extensions

        load_extensions(settings).direction(settings.objective)
