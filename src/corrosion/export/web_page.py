"""The inspector in one HTML file: the network, what runs it, and the page, for a browser offline.

The page's scripts are those of `_SCRIPTS`, without a build step. They make the
network's input of a photograph pixel by pixel as `corrosion.data.resizing` does, since browsers
scale otherwise; tests compare both.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from base64 import b85encode
from importlib.resources import files
from pathlib import Path

from markupsafe import Markup

from corrosion.evaluation.kind_competence import is_guessed
from corrosion.export.web_runtime import LICENCE, VERSION, WebRuntime
from corrosion.report.page import script_digest, script_json, write_page
from corrosion.runtime.metadata import Metadata

_SCRIPTS = (
    "inspector/base.js", "inspector/pixels.js", "inspector/facts.js", "inspector/decoding.js",
    "inspector/network.js", "inspector/drawing.js", "inspector/saving.js", "judging.js",
    "zooming.js", "inspector/cards.js", "inspector/inspector.js",
)  # fmt: skip
_DECODER = ("inspector/pixels.js", "inspector/jpeg_scans.js", "inspector/jpeg_pixels.js")
_SHARE = (
    "Rusted: the share of the picture in which rust is more probable than not, in photographs in "
    "which corrosion was detected. The page looks at the network's own size; corrosion predict "
    "--masks looks closer, and its shares differ."
)


def write_inspector(onnx: Path, path: Path, metadata: Metadata, runtime: WebRuntime) -> None:
    """Write the page, with a place for its seal.

    Args:
        onnx: the network, as `corrosion.export.formats.write_onnx` writes it.
        path: new HTML file.
        metadata: what the file says of itself, with `sha256` as it is before sealing.
        runtime: what runs the network.

    Raises:
        CorrosionError: the file can't be written.
    """
    templates = files("corrosion.report") / "templates"
    script, decoder = (
        "".join((templates / name).read_text("utf-8") for name in names)
        for names in (_SCRIPTS, _DECODER)
    )
    model = onnx.read_bytes()
    notes = [_SHARE] if "mask" in metadata.outputs else []
    write_page(
        path,
        "inspector/inspector.html",
        known=metadata,
        guessed=is_guessed(metadata.cautions),
        notes=notes,
        metadata=script_json(metadata.text),
        notes_json=script_json(json.dumps(notes)),
        model=_packed(model),
        model_sha256=hashlib.sha256(model).hexdigest(),
        runtime_script=_packed(runtime.script),
        runtime_program=_packed(runtime.program),
        runtime_version=VERSION,
        licence=LICENCE,
        decoder=Markup(decoder),
        script=Markup(script),
        digest=script_digest(script),
    )


def _packed(content: bytes) -> Markup:
    """Bytes as text in HTML: gzip, which browsers unpack, in 5 characters for 4 bytes (RFC 1924).

    Base64 would take 4 for 3. The one character that a script in HTML may not hold is a dot.
    """
    text = b85encode(gzip.compress(content, mtime=0)).decode("ascii")
    return Markup(text.replace("<", "."))  # a script's characters are not escaped
