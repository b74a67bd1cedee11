"""The machine and its files, which know nothing of images.

`files` writes files whole or not at all, `progress` shows bars, `processors` shares processors and
memory, `provenance` says what a result was made with, `extras` which package an option needs,
`configuration` where `conf/` lies; `lightning_messages` quietens Lightning.
"""
