"""What `make docs` adds to the pages of docs/: README, CONTRIBUTING, CHANGELOG, the API by room.

Links are written for the repository, where readers follow them too. Here those to pages become
links between pages, and files that pages name (configurations, examples) are copied beside them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import corrosion

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "corrosion"
TOP_PAGES = {
    "index.md": "README.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "CHANGELOG.md": "CHANGELOG.md",
}
# as a run goes through them; the command line documents itself by --help
ROOMS = (
    "settings",
    "data",
    "models",
    "training",
    "evaluation",
    "explanation",
    "prediction",
    "change",
    "selection",
    "export",
    "runtime",
    "serve",
    "report",
    "sweep",
    "system",
)

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(?=[)#])")
_ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=.?(?:https?:)?//[^>]*>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the API pages to the navigation.

    Raises:
        PluginError: a package of the project has no page.
    """
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    if missing := packages - {*ROOMS, "cli"}:
        raise PluginError(f"docs/hooks.py: ROOMS lacks {', '.join(sorted(missing))}.")
    pages = [{"corrosion": "api/index.md"}, *({room: f"api/{room}.md"} for room in ROOMS)]
    config.nav = [*(config.nav or []), {"API": pages}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere, the API pages, and the files that pages link to."""
    for page, source in TOP_PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    files.append(File.generated(config, "api/index.md", content=_top_level()))
    for room in ROOMS:
        files.append(File.generated(config, f"api/{room}.md", content=_room(room)))
    linked = {path for file in files.documentation_pages() for path in _linked(file)}
    for path in sorted(linked):
        files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn links between files of the repository into links between pages."""
    here = Path(page.file.src_uri).parent
    source = _source(page.file)

    def moved(match: re.Match[str]) -> str:
        path = _in_repository(source, match[1])
        return Path(os.path.relpath(_page(path), here)).as_posix() if path else match[1]

    return _LINK.sub(moved, markdown)


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Refuse pages that would load something from another host."""
    if found := _ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads from another host: {found[0]}")
    return output


def _source(file: File) -> Path:
    """The file of the repository that a page is made of."""
    return Path(TOP_PAGES.get(file.src_uri, f"docs/{file.src_uri}"))


def _in_repository(source: Path, link: str) -> Path | None:
    """The path in the repository that a link of a file leads to; None if there is none."""
    path = Path(os.path.normpath(source.parent / link))
    return path if (ROOT / path).is_file() else None


def _linked(file: File) -> Iterator[Path]:
    """Files outside docs/ that a page links to and that are no pages."""
    for link in _LINK.findall(file.content_string):
        path = _in_repository(_source(file), link)
        if path and path.parts[0] != "docs" and str(path) not in TOP_PAGES.values():
            yield path


def _page(path: Path) -> Path:
    """Where a file of the repository stands in the pages."""
    for page, source in TOP_PAGES.items():
        if path == Path(source):
            return Path(page)
    return path.relative_to("docs") if path.parts[0] == "docs" else Path("files") / path


def _top_level() -> str:
    names = [f"corrosion.{name}" for name in corrosion.__all__ if not name.startswith("_")]
    modules = [f"corrosion.{path.stem}" for path in _modules(PACKAGE)]
    return "\n\n".join(["# corrosion", str(corrosion.__doc__), *map(_entry, [*names, *modules])])


def _room(room: str) -> str:
    inner = sorted(path.parent for path in PACKAGE.glob(f"{room}/*/__init__.py"))
    entries = [f"# {room.capitalize()}"]
    for package in [PACKAGE / room, *inner]:
        listed = str(package.name != room).lower()  # the page itself is listed already
        entries.append(_entry(_dotted(package), "members: false", f"show_root_toc_entry: {listed}"))
        entries += [_entry(_dotted(path)) for path in _modules(package)]
    return "\n\n".join(entries)


def _modules(package: Path) -> list[Path]:
    return sorted(path for path in package.glob("*.py") if not path.name.startswith("_"))


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _entry(name: str, *options: str) -> str:
    lines = [f"::: {name}"]
    if options:
        lines += ["    options:", *(f"      {option}" for option in options)]
    return "\n".join(lines)
