import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "corrosion"


def rooms_of_the_page():
    """The rooms and modules of the picture in docs/architecture.md, from the first to the last."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    return re.findall(r"^    (\w+)(?:/|\.py)  ", page.split("## ")[1], re.MULTILINE)


def room(name):
    """The room of a module, by its dotted name below corrosion."""
    return name.removeprefix("corrosion.").split(".")[0]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_modules_that_the_page_names_are_there():
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`(\w+(?:/\w+)*\.py)`", page)
    assert len(named) > 20
    assert [name for name in named if not (PACKAGE / name).is_file()] == []


def test_the_picture_shows_every_room():
    there = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    there |= {path.stem for path in PACKAGE.glob("[a-z]*.py")}
    assert set(rooms_of_the_page()) == there


def test_rooms_import_only_from_those_above_them_in_the_picture():
    order = rooms_of_the_page()
    against = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE or path.stem != "__init__"
        for name in imports(path)
        if name.startswith("corrosion.")
        and order.index(room(name)) > order.index(path.relative_to(PACKAGE).parts[0].split(".")[0])
    ]
    assert not against
