"""``python -m tests.bench``: the whole benchmark."""

import sys

from .command import main

sys.exit(main())
