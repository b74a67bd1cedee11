"""One-file HTML pages: style, figures and pictures within, nothing from the network."""

from __future__ import annotations

import base64
import hashlib
import io
import mimetypes
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from corrosion.report.hover import hover_values
from corrosion.system.files import replacing
from corrosion.system.names import escaped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REFERENCE = re.compile(r'(?P<before>\bid="|href="#|url\(#)')


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template and write the page, whole or not at all.

    Args:
        path: path of the HTML file.
        template: a file of `report/templates`, which extends `base.html` by its blocks title,
            subtitle and content (and style, for what no other page needs). Each runs `page.js`, by
            its digest.
        values: what the template names; strings are escaped, `Markup` is not.

    Raises:
        CorrosionError: the file can't be written.
    """
    pieces = _environment().get_template(template).generate(**values)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(map(escaped, pieces))  # a page of 100,000 photographs is large


def page_text(template: str, **values: Any) -> str:
    """Fill a template, as `write_page` does."""
    return _environment().get_template(template).render(**values)


def script_json(text: str) -> Markup:
    """JSON for a script element, which nothing within it can end.

    Example:
        >>> print(script_json('["</script>"]'))
        ["\\u003c/script\\u003e"]
    """
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("corrosion.report"),
        autoescape=True,
        undefined=StrictUndefined,  # a name that is missing is a bug, not an empty cell
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (files("corrosion.report") / "templates" / "page.js").read_text("utf-8")
    environment.globals |= {"page_script": Markup(script), "page_digest": script_digest(script)}
    return environment


def script_digest(script: str) -> str:
    """What a content security policy knows a script by: its SHA-256 in base64."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def inline_svg(figure: Figure, *, name: str) -> Markup:
    """A figure as an <svg> element: sharp on paper, its text selectable, values where one points.

    Args:
        figure: figure of matplotlib.
        name: what it shows, for those who can't see it; distinct on a page.
    """
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    drawing = buffer.getvalue()
    # several figures on a page share one space of ids
    prefix = re.sub(r"\W+", "-", name)
    drawing = _REFERENCE.sub(rf"\g<before>{prefix}-", drawing[drawing.index("<svg") :])
    drawing = drawing.replace("</svg>", f"{hover_values(figure)}</svg>")
    head = f'<svg class="chart" role="img" aria-label="{escape(name)}"'
    return Markup(drawing.replace("<svg", head, 1))


def inline_file(path: Path) -> str:
    """A picture as a data URI, byte for byte.

    Raises:
        OSError: the file can't be read.
    """
    kind = mimetypes.guess_type(path.name)[0] or "image/webp"  # of which some systems know nothing
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def inline_picture(picture: Image.Image | Path, *, max_side: int) -> str:
    """A picture as a data URI (JPEG), made smaller where a side is longer than `max_side` pixels.

    Raises:
        OSError: the file is missing or no picture.
    """
    if isinstance(picture, Path):
        with Image.open(picture) as opened:
            return inline_picture(opened, max_side=max_side)
    small = picture.convert("RGB")
    small.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=85, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
