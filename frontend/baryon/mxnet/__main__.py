"""`python -m baryon.mxnet SCRIPT.py`."""

import sys

from baryon.mxnet.runner import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
