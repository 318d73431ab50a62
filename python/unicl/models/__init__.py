"""Image, text and label encoders."""
