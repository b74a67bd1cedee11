"""Images a second of our Grad-CAM, of a forward pass alone, and of pytorch-grad-cam's README.

    python benchmarks/gradcam_cost.py [--device cuda] [--backbones resnet50 ...] [--rounds 7]

All take the same network (random weights, batch normalisation's statistics gathered from the
images) and the same batch, in channels_last memory as our loaders give it. The README way is `with
GradCAM(model=..., target_layers=[...]) as cam: cam(input_tensor=..., targets=...)` on the layer
that makes the last feature map, where ours looks too (with a `reshape_transform` for the tokens of
a transformer); its batch lies in PyTorch's default memory format, as the library's
`preprocess_image` gives it, and for comparison in channels_last. Every round runs all ways one
after the other; ratios are medians over the rounds. Stops with an error if the maps for the same
batch differ by more than 1e-4 after the library's own scaling.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import Tensor, nn

from corrosion.explanation.cam import activation_maps
from corrosion.models.backbones import STUDY_BACKBONES, feature_map
from corrosion.models.classifier import CorrosionClassifier

LAST_LAYERS = {
    "resnet50": "layer4",
    "mobilenetv2": "bn2",
    "nasnetmobile": "stages.3.cells.4",
    "efficientnetv2b0": "bn2",
    "efficientnet_lite0": "bn2",
    "convnext_tiny": "stages.3",
    "efficientvit_b0": "stages.3",
    "vit_small_patch14_reg4_dinov2": "norm",
}
TOLERANCE = 1e-4


def main() -> None:
    options = parse()
    device = torch.device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(
        f"{name}, {torch.get_num_threads()} threads, batch {options.batch}, {options.size} px, "
        f"torch {torch.__version__}, medians of {options.rounds} rounds"
    )
    columns = ("forward", "ours", "README", "its c_l", "ours/fw", "RM/ours", "its c_l", "diff")
    print(f"{'images/s':<30}{''.join(f'{column:>8}' for column in columns)}")
    for backbone in options.backbones:
        torch.manual_seed(0)
        network = CorrosionClassifier(backbone, image_size=options.size).to(device)
        images = smooth_images(options.batch, options.size).to(device)
        gather_statistics(network, images)
        compare(backbone, network, images, options.rounds)


def compare(backbone: str, network: CorrosionClassifier, images: Tensor, rounds: int) -> None:
    """Time the three ways in turn and print a row."""
    layer, default = LAST_LAYERS[backbone], images.contiguous()
    ways = {
        "forward": lambda: forward(network, images),
        "ours": lambda: ours(network, images),
        "readme": lambda: readme(network, default, layer),
        "readme in channels_last": lambda: readme(network, images, layer),
    }
    difference = largest_difference(network, images, layer)
    for way in ways.values():
        way()
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, function in ways.items():
            seconds[way].append(timed(function, images.device))
    rates = [len(images) / statistics.median(seconds[way]) for way in ways]
    ratios = [
        median_ratio(seconds[above], seconds[below])
        for above, below in (
            ("ours", "forward"),
            ("readme", "ours"),
            ("readme in channels_last", "ours"),
        )
    ]
    row = [f"{rate:8.1f}" for rate in rates] + [f"{ratio:8.2f}" for ratio in ratios]
    print(f"{backbone:<30}{''.join(row)}{difference:9.0e}", flush=True)


def forward(network: CorrosionClassifier, images: Tensor) -> np.ndarray:
    """What a prediction costs."""
    with torch.inference_mode():
        return network(images).cpu().numpy()


def ours(network: CorrosionClassifier, images: Tensor) -> np.ndarray:
    """Logits and maps at the size of the images."""
    maps = activation_maps(network, images)
    return maps.scaled((images.shape[2], images.shape[3])).cpu().numpy()


def readme(network: CorrosionClassifier, images: Tensor, layer: str) -> np.ndarray:
    """The library as its README has it: on the full graph."""
    targets = [lambda logit: logit] * len(images)
    layers, to_map = [network.backbone.get_submodule(layer)], partial(feature_map, network.backbone)
    with GradCAM(model=network, target_layers=layers, reshape_transform=to_map) as cam:
        return cam(input_tensor=images, targets=targets)


def largest_difference(network: CorrosionClassifier, images: Tensor, layer: str) -> float:
    """Between our maps, scaled as the library scales its own, and the library's."""
    raw = activation_maps(network, images).raw.relu().cpu().numpy()
    size = (images.shape[3], images.shape[2])
    expected = readme(network, images, layer)
    difference = float(np.abs(scale_cam_image(scale_cam_image(raw, size)) - expected).max())
    if not difference <= TOLERANCE:
        raise SystemExit(f"maps differ by {difference:g}, more than {TOLERANCE:g}")
    if expected.max() < 0.5:
        raise SystemExit("all maps are empty: nothing was compared")
    return difference


def smooth_images(count: int, size: int) -> Tensor:
    """(count, 3, size, size) in [0, 1], in channels_last memory as our loaders give them."""
    coarse = torch.rand(count, 3, 8, 8)
    images = nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 1)
    return images.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def gather_statistics(network: nn.Module, images: Tensor) -> None:
    """Batch normalisation of a network that was never trained would let features vanish."""
    if not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return
    network.train()
    for _ in range(30):
        network(images[:4, :, ::4, ::4])
    network.eval()


def timed(function: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    function()  # ends with a copy to the CPU, which waits for the device
    return time.perf_counter() - start


def median_ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--backbones", nargs="+", choices=LAST_LAYERS, default=list(STUDY_BACKBONES)
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
