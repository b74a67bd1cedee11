"""Predictions for people who inspect: `corrosion predict` and `corrosion.predict`.

`inputs` finds files, `reading` decodes them ahead of the network, `network` runs it, `decisions`
says what its probabilities mean, `pictures` draws, `journal` and `folder` keep what is finished so
that a killed run can go on, `table` and `contact_sheet` write the results. `run` puts them together
for the command, with `process` for each GPU; `photographs` for Python.
"""
