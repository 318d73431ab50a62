"""Evaluation of trained towers: zero-shot classification, retrieval, and the report page.

It takes features and callables, and knows no model.
"""
