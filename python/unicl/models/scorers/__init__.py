"""Scorers: models that tell how relevant a phrase is to an image."""
