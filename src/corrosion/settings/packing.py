"""What `corrosion pack` can be told."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Predicate
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from pydantic import AfterValidator

from corrosion.settings.base import Settings
from corrosion.settings.types import Text


def _is_one_line(text: str) -> bool:
    return text.isprintable()


Line = Annotated[Text, Predicate(_is_one_line)]


def _is_license(text: str) -> str:
    try:
        found = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        found = None
    if text != "other" and (found is None or " " in found or found.startswith("LicenseRef-")):
        raise ValueError(
            "give an identifier of https://spdx.org/licenses, as apache-2.0, mit or cc-by-4.0; or "
            "other."
        )
    return text.lower()  # as the hub writes them


License = Annotated[str, AfterValidator(_is_license)]
"""A licence by its identifier of SPDX, or other."""


class PackSettings(Settings):
    """What a model card says beside what the run tells."""

    title: Line | None = None
    """Name of the model on its card; by default that of its backbone."""
    license: License | None = None
    """Licence of the weights by its identifier of SPDX, as apache-2.0, mit, cc-by-4.0; or other.
    It depends on the photographs too; by default the card says that none was named."""
    data: Line | None = None
    """A sentence on the photographs: what they show, whose they are, how they may be used."""
    contact: Line | None = None
    """Whom to ask about the model."""
