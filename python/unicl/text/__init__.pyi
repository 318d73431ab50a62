from .captions import ArrowArray as ArrowArray
from .captions import ArrowStream as ArrowStream
from .captions import Captions as Captions
from .clip import ClipTokenizer as ClipTokenizer
from .open import open_tokenizer as open_tokenizer
from .strings import Strings as Strings
from .tokenizer import Tokenizer as Tokenizer
from .wordpiece import WordPieceTokenizer as WordPieceTokenizer
