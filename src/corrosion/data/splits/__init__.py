"""Training, validation and test sets that share no picture.

`holdout` splits once (`split`), `folds` for k-fold cross-validation (`split_fold`); both number
groups and strata in `strata` and divide them in `assignment`. `split_file` writes and reads
`split.csv`.
"""

from corrosion.data.splits.folds import split_fold
from corrosion.data.splits.holdout import split
from corrosion.data.splits.split_file import read_split, split_table, write_split

__all__ = ["read_split", "split", "split_fold", "split_table", "write_split"]
