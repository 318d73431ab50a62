"""Tokenizers, tagging and noun phrases: captions in, numpy or Arrow out, no torch."""
