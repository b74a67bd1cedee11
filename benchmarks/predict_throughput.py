"""Images a second of `corrosion predict`, against decoding alone and the network alone.

    python benchmarks/predict_throughput.py [--count 1000] [--model mobilenetv2] [--device cpu]

Photographs of 1600 x 1200 pixels are generated. Decoding alone reads and resizes them by as many
threads as the run; the network alone predicts batches in memory, with the same settings of the
process. The limit of a machine whose network has a device of its own is the slower of the two.
Where both share the processors, as without a GPU, the time cannot be below their sum: that ratio is
printed too. Processor milliseconds a photograph say the same whatever else the machine does. The
command's seconds are those of `predict_files`, with the table and the inspection page; its
threshold is so low that boxes are sought in every photograph.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corrosion.system.processors import share_processors, usable_processors

share_processors()  # as the command does, before torch is imported
import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from corrosion.data.image_reader import ImageReader, Item  # noqa: E402
from corrosion.data.resizing import build_resize  # noqa: E402
from corrosion.models.checkpoint import load_model  # noqa: E402
from corrosion.prediction.predict_files import predict_files  # noqa: E402
from corrosion.settings.prediction import PredictionSettings  # noqa: E402
from corrosion.system.processors import keep_freed_memory  # noqa: E402
from corrosion.training.module import CorrosionModule  # noqa: E402


@dataclass(frozen=True)
class Spent:
    """Time for all photographs.

    Attributes:
        seconds: on the clock.
        processor: seconds of all processors together.
    """

    seconds: float
    processor: float

    def line(self, name: str, count: int) -> str:
        """Images a second and processor milliseconds an image."""
        rate, each = count / self.seconds, 1000 * self.processor / count
        return f"{name:<15}{rate:7.1f}/s {each:7.1f} processor ms"


def main() -> None:
    options = parse()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = photographs(folder / "photographs", options.count)
        checkpoint = folder / "best.ckpt"
        module = CorrosionModule(options.model)
        content = {"state_dict": module.state_dict(), "hyper_parameters": dict(module.hparams)}
        torch.save(content | {"epoch": 0}, checkpoint)
        print(
            f"{options.model}, {options.count} photographs, {usable_processors()} processors, "
            f"{torch.get_num_threads()} threads, torch {torch.__version__}"
        )
        decoding = spent(partial(decode_alone, paths))
        print(decoding.line("decoding alone", options.count))
        network = network_alone(checkpoint, options)
        print(network.line("network alone", options.count), flush=True)
        for explain in (False, True):
            settings = PredictionSettings(
                explain=explain, threshold=1e-4, device=options.device, batch_size=options.batch
            )
            out = folder / str(explain)
            run = spent(partial(predict_files, checkpoint, [paths[0].parent], out, settings))
            slower = max(decoding.seconds, network.seconds)
            print(
                f"{run.line('with maps' if explain else 'without maps', options.count)}: "
                f"{slower / run.seconds:.2f} of the slower one, "
                f"{(decoding.seconds + network.seconds) / run.seconds:.2f} of one after the other, "
                f"{(decoding.processor + network.processor) / run.processor:.2f} in processor time",
                flush=True,
            )


def spent(function: Callable[[], object]) -> Spent:
    """Time a call."""
    began, processor = time.perf_counter(), time.process_time()
    function()
    return Spent(time.perf_counter() - began, time.process_time() - processor)


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


def decode_alone(paths: list[Path]) -> None:
    """Read all photographs as the network sees them."""
    reader = ImageReader(build_resize(224), threads=usable_processors())
    for _ in reader.inputs(Item(number, str(path)) for number, path in enumerate(paths)):
        pass


@torch.inference_mode()
def network_alone(checkpoint: Path, options: argparse.Namespace) -> Spent:
    """Time to predict as many images that are in memory."""
    device = "cuda" if options.device == "auto" and torch.cuda.is_available() else options.device
    device = "cpu" if device == "auto" else device
    network = load_model(checkpoint, device=device).to(memory_format=torch.channels_last)
    images = torch.zeros(options.batch, 224, 224, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    batches = -(-options.count // options.batch)
    share = options.count / (batches * options.batch)

    def predict() -> None:
        for _ in range(batches):
            network.predict_proba(images.to(device)).cpu()

    network.predict_proba(images.to(device)).cpu()
    took = spent(predict)
    return Spent(took.seconds * share, took.processor * share)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--model", default="mobilenetv2")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=32)
    return parser.parse_args()


if __name__ == "__main__":
    main()
