"""What `corrosion pack` can be told."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Predicate

from corrosion.settings.base import Settings
from corrosion.settings.types import Text


def _is_one_line(text: str) -> bool:
    return text.isprintable()


Line = Annotated[Text, Predicate(_is_one_line)]


class PackSettings(Settings):
    """What a model card says beside what the run tells."""

    title: Line | None = None
    """Name of the model on its card; by default that of its backbone."""
    license: Line | None = None
    """Licence of the weights, as the Hugging Face hub calls it: apache-2.0, mit, cc-by-4.0, other.
    It depends on the photographs too; by default the card says that none was named."""
    data: Line | None = None
    """A sentence on the photographs: what they show, whose they are, how they may be used."""
    contact: Line | None = None
    """Whom to ask about the model."""
