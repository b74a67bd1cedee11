"""Explanations: where the evidence lies, drawn, cut into regions, and judged.

    import corrosion
    [explanation] = corrosion.explain(model, images)

`cam` computes class activation maps, `explanation` gives them as plain arrays, `overlay` draws
them, `regions` cuts them into boxes, `run` is `corrosion explain`. This package can be called, as
users know it from `corrosion.load_model`: calling it is `corrosion.explain.explanation.explain`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    # a function corrosion.explain would be replaced by the package when one of its modules is
    # imported: the two share a name, so they are one thing
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from corrosion.explain.explanation import explain

        return explain(*arguments, **options)


sys.modules[__name__].__class__ = _CallablePackage
