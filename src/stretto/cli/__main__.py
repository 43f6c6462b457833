"""`python -m stretto.cli`, the same as `stretto`: how `stretto up` starts further workers."""

import sys

from stretto.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
