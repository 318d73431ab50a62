"""Vocabularies that go by a name: COCO, ImageNet, WordNet."""
