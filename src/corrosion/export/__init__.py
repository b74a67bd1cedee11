"""Checkpoints as files that run elsewhere.

`export_checkpoint` puts it together for `corrosion export`: `graph` is what is exported, `formats`
writes it (as HTML `web_page`, with what `web_runtime` gets), `parity` compares the file with its
checkpoint on `photographs`, and `quantising` makes networks of 8 bits and says what they cost.
"""
