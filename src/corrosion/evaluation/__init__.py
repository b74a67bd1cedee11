"""Predictions judged: metrics with intervals, tests between models, calibration, thresholds.

Everything here works on arrays of labels and probabilities (NumPy, SciPy, pandas) and knows
nothing of networks: what a table of predictions says can be checked without torch.
"""
