"""Explanations: where the evidence lies, drawn, cut into regions, and judged.

    import corrosion
    [explanation] = corrosion.explain(model, images)

`cam` computes class activation maps for the `targets` of a batch; `explaining` gives them as the
plain arrays of `explanation`, and `photographs` lays them over photographs of any size. `pyramid`
makes fine ones of several resolutions, by where the network's cells lie (`cell_grid`). `overlay`
and `panels` draw them, `regions` cuts them into boxes, `explain_files` does both for `corrosion
explain`, `examples` for a run; `names` tells several networks apart. `scoring` judges maps for
`corrosion explain-score`: `localisation` by the `ground_truth`, `faithfulness` by the network, both
against `baselines`; `summary` adds the values up. `rust_mask` outlines rust by a network's evidence
and by colour, `rust` measures a mask, `share_interval` says how far its share may be from the
truth, `distribution` tells how the rust is spread, and `grades` gives the grades of its share by
the standards of inspectors.
"""

from corrosion.explanation.distribution import DISTRIBUTIONS, rust_distribution
from corrosion.explanation.grades import GRADE_NOTE, SCALES, grade
from corrosion.explanation.rust import RustMeasure, RustRegion, measure_rust

__all__ = [
    "DISTRIBUTIONS",
    "GRADE_NOTE",
    "SCALES",
    "RustMeasure",
    "RustRegion",
    "grade",
    "measure_rust",
    "rust_distribution",
]
