"""Text towers: CLIP's transformer, and the encoders of transformers."""
