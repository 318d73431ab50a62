from .noun_phrases import DEFAULT_GRAMMAR as DEFAULT_GRAMMAR
from .noun_phrases import NounPhrases as NounPhrases
from .noun_phrases import find_noun_phrases as find_noun_phrases
from .tagger import PosTagger as PosTagger
from .tagger import TaggedWords as TaggedWords
from .tagger import english_tagger as english_tagger
