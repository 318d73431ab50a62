"""Settings that every test shares."""

from hypothesis import settings

# A busy machine is no failing property: no example has a deadline.
settings.register_profile("unicl", deadline=None)
settings.load_profile("unicl")
