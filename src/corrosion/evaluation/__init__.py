"""Predictions judged: metrics with intervals, tests between models, calibration, thresholds.

Everything here works on arrays of labels and probabilities (NumPy, SciPy, pandas) and knows
nothing of networks: what a table of predictions says can be checked without torch.

`metric_table` describes each metric, `metrics` computes them, `estimates` says how sure they are:
`intervals` of shares, `decision_intervals`, `areas`, `precision_areas` and `losses`. `evaluation`
judges one model on its `predictions`, with `calibration`, `choices` of `thresholds`, `selective`
prediction and `subgroups`; `guarantees` bounds what is promised of them, `prevalence` restates
figures, `competence` says what a network is not good for. `decisions` and `named_thresholds` turn
probabilities into words, `run_facts` has what else a run says of itself. `comparison` has
several models side by side: `pooling` puts their runs together, `alignment` their images, `repeats`
has means over runs and `single_runs` each; `model_tests` tests checkpoints by `pair_tests`
(`significance`, `permutation`) and models by `run_tests`, which draw by `resampling`; `conclusions`
says it in words, `planning` how large a comparison must be.
"""
