"""Images a second of `corrosion predict`, against decoding alone and the network alone.

    python benchmarks/predict_throughput.py [--count 1000] [--model mobilenetv2] [--device cpu]

Photographs of 1600 x 1200 pixels are generated. Decoding alone reads and resizes them by as many
threads as the run; the network alone predicts batches in memory. The limit of a machine whose
network has a device of its own is the slower of the two. Where both share the processors, as
without a GPU, the time cannot be below their sum: that ratio is printed too. The command's seconds
are those of `predict_files`, with the table and the contact sheet.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from corrosion.checkpoint import load_model
from corrosion.data.transforms import build_resize
from corrosion.module import CorrosionModule
from corrosion.prediction.reading import Item, Reading
from corrosion.prediction.run import Settings, predict_files
from corrosion.processors import usable_processors


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = photographs(folder / "photographs", options.count)
        checkpoint = folder / "best.ckpt"
        module = CorrosionModule(options.model)
        content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
        torch.save(content | {"epoch": 0}, checkpoint)
        decoding = decode_alone(paths)
        network = network_alone(checkpoint, options)
        print(
            f"{options.model}, {options.count} photographs, {usable_processors()} processors, "
            f"{torch.get_num_threads()} threads, torch {torch.__version__}\n"
            f"decoding alone {options.count / decoding:.1f}/s, "
            f"network alone {options.count / network:.1f}/s"
        )
        for explain in (False, True):
            settings = Settings(explain=explain, device=options.device, batch_size=options.batch)
            began = time.perf_counter()
            predict_files(checkpoint, [folder / "photographs"], folder / str(explain), settings)
            seconds = time.perf_counter() - began
            print(
                f"{'with' if explain else 'without'} maps {options.count / seconds:.1f}/s: "
                f"{max(decoding, network) / seconds:.2f} of the slower one, "
                f"{(decoding + network) / seconds:.2f} of one after the other"
            )


def photographs(folder: Path, count: int) -> list[Path]:
    """Noisy pictures, of about 0.7 MB as cameras' are; ten different ones."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    files = []
    for _ in range(10):
        coarse = generator.integers(0, 256, (75, 100, 3), dtype=np.uint8)
        smooth = cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        noisy = np.clip(smooth + generator.integers(-12, 12, smooth.shape), 0, 255)
        encoded = cv2.imencode(".jpg", noisy.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
        files.append(encoded.tobytes())
    paths = [folder / f"{number:05d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(files[number % len(files)])
    return paths


def decode_alone(paths: list[Path]) -> float:
    """Seconds to read all photographs as the network sees them."""
    reading = Reading(build_resize(224), threads=usable_processors())
    began = time.perf_counter()
    for _ in reading.shots(Item(number, str(path)) for number, path in enumerate(paths)):
        pass
    return time.perf_counter() - began


@torch.inference_mode()
def network_alone(checkpoint: Path, options: argparse.Namespace) -> float:
    """Seconds to predict as many images that are in memory."""
    device = "cuda" if options.device == "auto" and torch.cuda.is_available() else options.device
    device = "cpu" if device == "auto" else device
    network = load_model(checkpoint, device=device).to(memory_format=torch.channels_last)
    images = torch.zeros(options.batch, 224, 224, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    network.predict_proba(images.to(device)).cpu()
    began = time.perf_counter()
    for _ in range(-(-options.count // options.batch)):
        network.predict_proba(images.to(device)).cpu()
    seconds = time.perf_counter() - began
    return seconds * options.count / (-(-options.count // options.batch) * options.batch)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
