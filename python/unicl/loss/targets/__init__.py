"""Decides which image is a positive of which text, from the labels of a call."""
