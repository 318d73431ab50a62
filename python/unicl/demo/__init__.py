"""The demo: the embedded data set and its recipe."""
