"""Predictions for people who inspect: `corrosion predict` and `corrosion.predict`.

`outputs` is what a network says of inputs, whatever runs it; `batches` runs a checkpoint's over
what `data.image_reader` decodes (an exported one is `corrosion.runtime`), `rendering` draws,
`journal` and `output_folder` keep what is finished so that a killed run can go on, `table` writes
the results, `layers` what a page lays over small pictures, `mask_writer` masks of rust under the
names of `mask_files`. `file_run` puts them together, with a `share` for each process;
`predict_files` runs it for checkpoints, with `process` for each GPU; `predict_images` is for
Python; `tiles` cuts large photographs, `tiled` runs the network over them, as `tile_viewer` puts it
together, `tile_threshold` and `tile_validation` choose their threshold, and `tile_summary` says
what it rests on. `verdicts` merges what inspectors say of a run and compares it with the network,
`verdict_folder` copies what they have judged, to train on, and `measure_again` measures masks on
the surfaces that they have drawn. `labelled_folder` judges a checkpoint on images whose classes
are known.
"""
