"""The `corrosion` command: arguments in, one call of the package behind it, exit code out.

`main` knows the commands by family; `train`, `evaluate`, `predict`, `explain`, `folders` and `info`
have one family each, built as `command` says. `options` makes options of settings, `paths` takes
paths of checkpoints, images and results.
"""
