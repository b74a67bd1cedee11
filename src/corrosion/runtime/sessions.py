"""Programs that run an exported file: ONNX Runtime, OpenVINO, OpenCV; PyTorch its own format."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from corrosion.errors import CorrosionError
from corrosion.runtime.metadata import INPUT, KEY, Metadata
from corrosion.runtime.onnx_file import metadata_of, operators_of
from corrosion.system.extras import install_command
from corrosion.system.processors import usable_processors

log = logging.getLogger(__name__)

SUFFIXES = (".onnx", ".xml", ".pt2")
"""Endings of exported files: ONNX, OpenVINO, PyTorch."""

BACKENDS = ("auto", "onnxruntime", "openvino", "opencv")
"""Programs to choose among."""

_OPENCV = 5  # its first version that runs our graphs
# those with which it gave ONNX Runtime's answers: others it refuses, computes wrongly or crashes on
_OF_OPENCV = {
    "Abs", "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Conv", "Div",
    "Expand", "Gemm", "Greater", "HardSwish", "MatMul", "MaxPool", "Mul", "Pad", "ReduceL2",
    "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Resize", "Shape", "Sigmoid",
    "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze",
}  # fmt: skip

_PIECE = 4  # images at once on a processor: more leave its cache


class Session(Protocol):
    """A loaded file.

    Attributes:
        metadata: what it says of itself, as text; None where it says nothing.
    """

    metadata: str | None

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        """The outputs of these names for images (N, 3, H, W) uint8."""
        ...


def open_session(path: Path, backend: str = "auto") -> Session:
    """Load an exported file.

    Args:
        path: path of the file: .onnx, .xml (with its .bin beside it) or .pt2.
        backend: a name of `BACKENDS`. auto takes for .onnx ONNX Runtime, where that is not
            installed OpenVINO, and without both OpenCV, which is slower and runs convolutional
            networks in float32 alone; .xml needs OpenVINO, .pt2 needs PyTorch.

    Raises:
        CorrosionError: the file is missing, damaged or of another kind, the backend is unknown, or
            its package is not installed.
    """
    if backend not in BACKENDS:
        raise CorrosionError(f"backend={backend}: choose {', '.join(BACKENDS)}.")
    if path.suffix == ".html":
        raise CorrosionError(
            f"{path} is for a browser, in which it takes photographs by itself: export another "
            f"format for this machine, as --out model.onnx."
        )
    if path.suffix not in SUFFIXES:
        raise CorrosionError(
            f"{path} is no exported file: give one that ends in {', '.join(SUFFIXES)}, as "
            f"corrosion export writes it. Checkpoints are loaded by corrosion.load_model."
        )
    if not path.is_file():
        raise CorrosionError(f"There is no {path}: give a file that corrosion export has written.")
    if path.suffix == ".pt2":
        return _Torch(path)
    if path.suffix == ".xml" or backend == "openvino":
        if backend in ("onnxruntime", "opencv"):
            raise CorrosionError(f"{path} is for backend=openvino: {backend} reads .onnx.")
        return _OpenVino(path)
    if backend == "opencv":
        return _OpenCv(path)
    if backend == "onnxruntime":
        return _OnnxRuntime(path)
    for program in (_OnnxRuntime, _OpenVino):
        try:
            return program(path)
        except _MissingError:
            continue
    session = _OpenCv(path)
    log.info("OpenCV runs the network. ONNX Runtime is faster: %s", install_command("onnxruntime"))
    return session


class _MissingError(CorrosionError):
    """The package of a backend is not installed."""

    def __init__(self, path: Path, package: str) -> None:
        super().__init__(f"{path} needs the package {package}: {install_command(package)}.")


def _damaged(path: Path, error: Exception) -> CorrosionError:
    brief = str(error).strip().splitlines()
    return CorrosionError(
        f"{path} can't be loaded: it is damaged, or no exported network. Export it again. "
        f"[{brief[0][:200] if brief else type(error).__name__}]"
    )


class _OnnxRuntime:
    """ONNX Runtime, a few images a processor at a time.

    A batch goes in pieces to threads that each run all of the network: their features stay in the
    processor's cache, nobody waits for the others after every layer, and answers are the same bit
    by bit. EfficientNet-Lite2 takes a quarter less of the processors than with a batch of 32 whose
    layers are divided. A lone image, of a camera for instance, has all processors.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise _MissingError(path, "onnxruntime") from error
        self._path = path
        self._runtime = onnxruntime
        self._processors = usable_processors()
        self._session = self._open(threads=1)
        self._divided = None if self._processors > 1 else self._session  # opened where it is needed
        self._pool = ThreadPoolExecutor(self._processors, "onnxruntime")
        self.metadata: str | None = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self._run_options = onnxruntime.RunOptions()
        # a mask that is not asked for is not computed
        self._run_options.only_execute_path_to_fetches = True

    def _open(self, threads: int) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = threads
        # threads that wait must not keep a processor from those that decode and draw
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors; they are raised as well
        try:
            return self._runtime.InferenceSession(
                self._path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common class of their own
            raise _damaged(self._path, error) from error

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        try:
            found = self._found(images, list(names))
        except Exception as error:  # its exceptions have no common class of their own
            raise CorrosionError(f"ONNX Runtime can't run this network. [{error}]") from error
        return dict(zip(names, found, strict=True))

    def _found(self, images: NDArray[np.uint8], names: list[str]) -> list[NDArray[np.float32]]:
        if len(images) == 1:
            if self._divided is None:
                self._divided = self._open(self._processors)
            return self._divided.run(names, {INPUT: images}, self._run_options)
        size = min(_PIECE, -(-len(images) // self._processors))
        pieces = [images[start : start + size] for start in range(0, len(images), size)]

        def run(piece: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
            return self._session.run(names, {INPUT: piece}, self._run_options)

        parts = list(self._pool.map(run, pieces))
        return [np.concatenate(values) for values in zip(*parts, strict=True)]


class _OpenVino:
    def __init__(self, path: Path) -> None:
        try:
            import openvino
        except ImportError as error:
            raise _MissingError(path, "openvino") from error
        core = _core(openvino)
        try:
            model = core.read_model(path)
            where = ["framework", KEY] if path.suffix == ".onnx" else [KEY]
            said = model.get_rt_info(where) if model.has_rt_info(where) else None
            # bf16, which some processors have, would change probabilities
            options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
            self._model = core.compile_model(model, "CPU", options)
        except Exception as error:  # RuntimeError of its own kinds
            raise _damaged(path, error) from error
        self.metadata: str | None = None if said is None else str(_value(said))

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        found = self._model({INPUT: images})
        return {name: np.array(found[name]) for name in names}


@cache
def _core(openvino: Any) -> Any:
    """The one core of OpenVINO in this process.

    Each of OpenVINO's cores gives the thread another stack for signals, and gives back the one
    before when it ends: of two that end in the order of their beginning, the second gives back a
    stack that is gone, and the next signal ends the process.
    """
    return openvino.Core()


def _value(info: Any) -> Any:
    """The value of OpenVINO's runtime information, which some versions wrap."""
    return getattr(info, "value", info)


class _OpenCv:
    """OpenCV, which is there to decode and draw anyway.

    EfficientNet-Lite2 takes about twice the processors' time of ONNX Runtime.
    """

    def __init__(self, path: Path) -> None:
        if int(cv2.__version__.partition(".")[0]) < _OPENCV:
            raise _MissingError(path, "onnxruntime")
        content = path.read_bytes()
        try:
            self.metadata: str | None = metadata_of(content)
            unknown = operators_of(content) - _OF_OPENCV
        except ValueError as error:
            raise _damaged(path, error) from error
        self._names = list(Metadata.parse(self.metadata, path).outputs)
        if unknown:
            raise CorrosionError(
                f"OpenCV can't run {path}, which uses {', '.join(sorted(unknown))}: "
                f"{install_command('onnxruntime')}."
            )
        try:
            self._network = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        except cv2.error as error:
            raise _damaged(path, error) from error
        self._lock = Lock()

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        parts = []
        try:
            # one image at a time is fastest, and leaves the least in memory
            for number in range(len(images)):
                with self._lock:
                    self._network.setInput(images[number : number + 1], INPUT)
                    found = self._network.forward(self._names)  # it takes all or none
                    parts.append([np.array(values, dtype=np.float32) for values in found])
        except cv2.error as error:
            raise CorrosionError(
                f"OpenCV can't run this network: {install_command('onnxruntime')}. [{error.err}]"
            ) from error
        joined = (np.concatenate(values) for values in zip(*parts, strict=True))
        outputs = dict(zip(self._names, joined, strict=True))
        return {name: outputs[name] for name in names}


class _Torch:
    def __init__(self, path: Path) -> None:
        try:
            import torch
        except ImportError as error:
            raise CorrosionError(f"{path} needs PyTorch: export --format onnx instead.") from error
        extra = {f"{KEY}.json": ""}
        try:
            program = torch.export.load(path, extra_files=extra)
        except Exception as error:  # damaged archives raise nearly anything
            raise _damaged(path, error) from error
        self.metadata: str | None = extra[f"{KEY}.json"] or None
        self._module = program.module()

    def run(
        self, images: NDArray[np.uint8], names: Sequence[str]
    ) -> dict[str, NDArray[np.float32]]:
        import torch

        with torch.inference_mode():
            found = self._module(torch.from_numpy(images))
        return {name: found[name].numpy() for name in names}
