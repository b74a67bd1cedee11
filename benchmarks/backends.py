"""How fast, and how equal, the programs are that can run a network on this processor.

    python benchmarks/backends.py            # the study's four networks and EfficientNet-Lite0
    python benchmarks/backends.py --quick    # Lite0 and MobileNetV2, small batches

Networks have random weights, which cost the same as trained ones; their images are noise. Every
program runs a batch in turn, and all of them again, so that what else the machine does falls on all
alike; compare the ratios of one run, not figures of different ones. A row's images/s are the median
of its repeats, with a map of Grad-CAM in all but the eager and the compiled network, which give the
probability alone. "difference" is the largest of a probability from the eager network's.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from corrosion.export.export_checkpoint import write
from corrosion.export.formats import write_openvino
from corrosion.export.graph import InspectionGraph
from corrosion.export.quantising import PRECISIONS, quantise
from corrosion.models.classifier import CorrosionClassifier
from corrosion.runtime.metadata import RESIZE_RULE, SCHEMA, Metadata
from corrosion.runtime.network import load
from corrosion.runtime.seal import seal
from corrosion.system.processors import keep_freed_memory, usable_processors

NETWORKS = ("efficientnet_lite0", "mobilenetv2", "resnet50", "nasnetmobile", "efficientnetv2b0")
QUICK = ("efficientnet_lite0", "mobilenetv2")
CALIBRATING = 8

Probabilities = Callable[[], np.ndarray]


def metadata(network: CorrosionClassifier, name: str) -> Metadata:
    return Metadata(
        schema_version=SCHEMA,
        model=name,
        classes=network.classes,
        image_size=network.image_size,
        resize="pad",
        resize_rule=RESIZE_RULE,
        threshold=0.5,
        thresholds={},
        band=None,
        temperature=1.0,
        tta="none",
        outputs=InspectionGraph(network).names,
        precision="float32",
        checkpoint="",
        cautions=(),
        written_by="benchmark",
    )


def programs(name: str, batch: int, folder: Path) -> dict[str, Probabilities]:
    """What gives the probabilities of one batch, by the name of the program."""
    torch.manual_seed(0)
    network = CorrosionClassifier(name).eval().to(memory_format=torch.channels_last)
    noise = np.random.default_rng(0)
    images = noise.integers(0, 256, (batch, 3, 224, 224), dtype=np.uint8)
    tensor = torch.from_numpy(images)

    def torch_run(model: Callable[[torch.Tensor], torch.Tensor]) -> np.ndarray:
        with torch.inference_mode():
            return network.calibrated(model(tensor)).float().numpy()

    found: dict[str, Probabilities] = {"eager": partial(torch_run, network)}
    if torch.cpu.get_capabilities().get("avx512_bf16"):  # without it a pass takes 24 times as long
        found["bf16"] = torch.autocast("cpu", torch.bfloat16)(partial(torch_run, network))
    if shutil.which("g++"):
        found["compiled"] = partial(torch_run, torch.compile(network))
    said = metadata(network, name)
    exact, small = folder / f"{name}.onnx", folder / f"{name}-int8.onnx"
    write(network, exact, "onnx", said)
    quantise(exact, small, images[:CALIBRATING], PRECISIONS[0], said.text)
    for label, file in (("", exact), (" int8", small)):
        write_openvino(file, file.with_suffix(".xml"), said.text)
        for written in (file, file.with_suffix(".xml")):
            seal(written)
        for backend, path in (("ONNX Runtime", file), ("OpenVINO", file.with_suffix(".xml"))):
            exported = load(path)
            found[f"{backend}{label}"] = partial(
                lambda exported: exported.run(images, ("probability", "map"))["probability"],
                exported,
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="Lite0 and MobileNetV2 only")
    parser.add_argument("--networks", nargs="+", help="names of backbones")
    parser.add_argument("--batch", type=int, default=32, help="images at once; ResNet50 has half")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    keep_freed_memory()
    torch.set_num_threads(usable_processors())
    batch, repeats = (8, 3) if options.quick else (options.batch, options.repeats)
    print(f"{usable_processors()} processors, 224 px, {repeats} interleaved repeats")
    print(f"{'network':<20} {'program':<18} {'images/s':>9} {'ratio':>6} {'difference':>11}")
    for name in options.networks or (QUICK if options.quick else NETWORKS):
        size = batch // 2 if name == "resnet50" else batch
        with tempfile.TemporaryDirectory() as folder:
            found = programs(name, size, Path(folder))
            known = found["eager"]()
            gaps = {label: float(np.abs(run() - known).max()) for label, run in found.items()}
            seconds: dict[str, list[float]] = {label: [] for label in found}
            for _ in range(repeats):
                for label, run in found.items():
                    start = time.perf_counter()
                    run()
                    seconds[label].append(time.perf_counter() - start)
            speeds = {label: size / float(np.median(times)) for label, times in seconds.items()}
            for label, speed in speeds.items():
                ratio = speed / speeds["eager"]
                print(f"{name:<20} {label:<18} {speed:>9.1f} {ratio:>6.2f} {gaps[label]:>11.1e}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
