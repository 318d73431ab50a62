"""Unified contrastive learning in image-text-label space."""
