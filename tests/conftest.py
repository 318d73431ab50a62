"""Settings that every test shares, and the checks of the shapes in signatures."""

import os

from hypothesis import settings
from jaxtyping import install_import_hook

# A busy machine is no failing property: no example has a deadline. In CI the examples are the same in every run, which
# then judges the change and not the draw. Elsewhere they are new.
settings.register_profile("unicl", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("unicl")

# In these modules, and those below them, every call is checked against the types and shapes of its signature. The
# loss's functions that users call are missing: they have checks of their own, with better messages, which are tested.
# The hook must stand before the first import of unicl. Processes that a test starts have no hook.
SHAPES_ARE_CHECKED_IN = [
    "unicl.data",
    "unicl.evaluation",
    "unicl.loss.directions",
    "unicl.loss.operators",
    "unicl.loss.over_ranks",
    "unicl.loss.problem",
    "unicl.loss.reference",
    "unicl.loss.second_order",
    "unicl.loss.targets.match",
    "unicl.loss.targets.overlap",
    "unicl.loss.targets.sets",
    "unicl.loss.tiled",
    "unicl.models",
    "unicl.training",
]
install_import_hook(SHAPES_ARE_CHECKED_IN, "beartype.beartype")
