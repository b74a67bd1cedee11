"""Train and test one configuration: `python train.py model=nasnetmobile data=folder ...`."""

import sys

from corrosion.cli.train import train

if __name__ == "__main__":
    sys.exit(train(sys.argv[1:]))
