"""Predictions judged: metrics with intervals, tests between models, calibration, thresholds.

Everything here works on arrays of labels and probabilities (NumPy, SciPy, pandas) and knows
nothing of networks: what a table of predictions says can be checked without torch.

`metric_table` describes each metric, `metrics` computes them, `intervals` and `resampling` say how
sure they are. `evaluation` judges one model on its `predictions`, with `calibration`, `choices` of
`thresholds`, `selective` prediction and `subgroups`; `guarantees` bounds what is promised of them,
`prevalence` restates figures, `competence` says what a network is not good for. `decisions` and
`named_thresholds` turn probabilities into words, `run_facts` has what else a run says of itself.
`comparison`, `model_tests`, `significance`, `pooling` and `repeats` compare several models.
"""
