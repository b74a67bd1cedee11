"""Checkpoints as files that run elsewhere.

`export_checkpoint` puts it together for `corrosion export`: `graph` is what is exported, `formats`
writes it (`web_page` as HTML, with `web_runtime` in it), `parity` compares the file with its
checkpoint on `photographs`, and `quantising` makes networks of 8 bits and says what they cost.
"""
