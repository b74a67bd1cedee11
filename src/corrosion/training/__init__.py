"""Train one configuration: fit, test, and write the run's files.

`run` does it all: `initialisation` makes the Lightning `module` with its first weights, `trainer`
the Trainer with its `callbacks`, and `testing` tests the best epoch. The module learns with
`optimiser`, `mixing` and `ema`, and computes `epoch_metrics`; `extensions` are the user's own
functions. `resuming` lets a stopped run go on, `distributed` starts several processes.
"""
