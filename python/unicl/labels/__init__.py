"""Labels: the vocabulary, phrases to labels, captions to sets of labels. No torch."""

from unicl.labels.clashes import Merge
from unicl.labels.explaining import Explanation
from unicl.labels.filters import DocumentFrequency
from unicl.labels.label_sets import LabelSets
from unicl.labels.labeler import DenseLabeler
from unicl.labels.mapper import LabelMapper, LabelMapping, Rule
from unicl.labels.relevance import RelevanceFilter, RelevanceScorer
from unicl.labels.vocabulary import LabelVocabulary

__all__ = [
    "DenseLabeler",
    "DocumentFrequency",
    "Explanation",
    "LabelMapper",
    "LabelMapping",
    "LabelSets",
    "LabelVocabulary",
    "Merge",
    "RelevanceFilter",
    "RelevanceScorer",
    "Rule",
]
