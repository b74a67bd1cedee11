"""Train and test one configuration: `python train.py model=nasnetmobile data=folder ...`."""

import sys

from corrosion.launch import main

if __name__ == "__main__":
    sys.exit(main())
