"""Which image is a positive of which text."""
