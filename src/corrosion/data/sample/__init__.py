"""Photograph-like pictures of metal, with and without rust, drawn from random numbers.

`generate` writes a sample of them (`make_sample`), `picture` draws one: `surfaces` and `shapes`
make a `scene`, to which `fittings`, `distractors` and `rust`, or one of its `kinds`, are added
before `camera` takes the photograph. `fields` and `colours` are what all of them draw with.
"""

from corrosion.data.sample.generate import is_sample, make_sample, sample_dir

__all__ = ["is_sample", "make_sample", "sample_dir"]
