import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_settings_is_what_their_declarations_say():
    document = runpy.run_path(str(DOCS / "document_settings.py"))["document"]
    assert (DOCS / "configuration.md").read_text() == document(), "run make configuration"
