"""Training, validation and test sets that share no picture.

`holdout` splits once (`split`), `folds` for cross-validation (`split_fold`,
`leave_source_out`); both number groups and strata in `strata` and divide them in `assignment`.
`split_file` writes and reads `split.csv`.
"""

from corrosion.data.splits.folds import leave_source_out, split_fold
from corrosion.data.splits.holdout import split
from corrosion.data.splits.split_file import read_split, split_table, write_split

__all__ = ["leave_source_out", "read_split", "split", "split_fold", "split_table", "write_split"]
