"""``python -m genmeter`` is the ``genmeter`` command."""

import sys

from genmeter.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
