"""Makes ``python -m unicl.cli`` the same as ``unicl``."""

import sys

from unicl.cli import main

sys.exit(main())
