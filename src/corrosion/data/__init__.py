"""From files on disk to batches.

`prepare` makes the table of records: `sources` finds the images of each class with `file_search`
and `labels`, `images` decodes one with `decoding`, `curation` leaves images out, `splits` divides
the rest, `shortcut` plants a mark in some of them on request. `datamodule` makes batches of the
table, with `dataset`, `sampler`, `transforms` and the images in `cache`. `resizing` makes
photographs square (without torch by `scaling`), `geometry` says where a photograph lies in the
network's input. Predictions take their inputs from `image_reader`, which reads files, `video` and
what `image_sources` finds in memory. `sample` generates photographs.
"""
