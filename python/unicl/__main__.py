"""Makes ``python -m unicl`` the same as ``unicl``."""

import sys

from unicl.cli import main

sys.exit(main())
