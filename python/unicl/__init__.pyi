from .labels import DenseLabeler as DenseLabeler
from .labels import LabelMapper as LabelMapper
from .labels import LabelSets as LabelSets
from .labels import LabelVocabulary as LabelVocabulary
from .loss import UniCLLoss as UniCLLoss
from .loss import fused_loss as fused_loss
from .loss import row_losses as row_losses
from .phrases import PosTagger as PosTagger
from .phrases import find_noun_phrases as find_noun_phrases
from .text import ClipTokenizer as ClipTokenizer
from .text import WordPieceTokenizer as WordPieceTokenizer

__version__: str
