"""What `corrosion serve` can be told."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated

from annotated_types import Ge, Gt, Le

from corrosion.settings.inference import Backend, InferenceSettings, Threshold
from corrosion.settings.types import AnyPath, Text


class ServeSettings(InferenceSettings):
    """How a network answers over HTTP."""

    host: Text = "127.0.0.1"
    """Address to listen on; one that other machines reach, as 0.0.0.0, needs token_file."""
    port: Annotated[int, Ge(0), Le(65_535)] = 8000
    """Port to listen on; 0 takes a free one."""
    token_file: AnyPath | None = None
    """File with a token of 16 characters or more, which every request has to give."""
    threshold: Threshold = None
    """Probability from which corrosion counts as detected, in (0, 1), or words of the name of a
    threshold of the network, as recall or F1; by default the network's own."""
    backend: Backend | None = None
    """What runs the network on processors: torch, onnxruntime, openvino or, slower, opencv; auto is
    the fastest that is installed and can do what is asked for. The file that the last three need of
    a checkpoint is exported once, compared with it, and kept. By default torch for a checkpoint,
    and what is installed for an exported file."""
    explain: bool = False
    """Return overlays with every answer, as ?explain=1 does with one."""
    no_regions: bool = False
    """Leave out regions and overlays: no class activation maps are made."""
    masks: bool = False
    """Measure the rusted share of photographs in which corrosion is detected, with an interval and
    grades: about 15 predictions each, and for checkpoints alone."""
    keep: AnyPath | None = None
    """Folder that gets every photograph with its answer; by default nothing is kept."""
    max_mb: Annotated[int, Ge(1), Le(2048)] = 64
    """Largest request in megabytes, all of its files together."""
    max_megapixels: Annotated[int, Ge(1), Le(178)] = 100
    """Largest photograph in millions of pixels, refused before it is decoded."""
    max_files: Annotated[int, Ge(1), Le(1000)] = 100
    """Largest number of files in a request."""
    max_queue: Annotated[int, Ge(1), Le(10_000)] = 128
    """Photographs that are read, wait or are looked at; further ones are refused (429)."""
    wait_ms: Annotated[int, Ge(0), Le(1000)] = 10
    """Milliseconds that the first photograph of a batch waits for others."""
    timeout: Annotated[float, Gt(0), Le(3600)] = 60.0
    """Seconds in which a request must arrive, and then be answered."""

    def conflicts(self) -> Iterable[str]:
        """Doors that would stand open, and what nothing would be drawn of."""
        if not is_loopback(self.host) and self.token_file is None:
            yield (
                f"{{host}}={self.host} is reached by other machines: give a secret of 16 "
                f"characters or more by {{token_file}}, or leave {{host}} at 127.0.0.1."
            )
        if self.explain and self.no_regions:
            yield "{explain} draws what {no_regions} leaves out: give one of them."


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address.

    Args:
        host: an IP address, or a name.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
