"""BERT's tokenizer, slow and plain, with Python's own tables of Unicode: what the Rust tokenizer is held to."""

import string
import unicodedata


class WordPieceTwin:
    """Text to ids: clean, space out Chinese, drop accents, lower, split, take the longest piece again and again."""

    def __init__(self, tokens, *, lowercase=True):
        self.ids = {token: number for number, token in enumerate(tokens)}
        self.lowercase = lowercase

    def clean(self, character):
        category = unicodedata.category(character)
        if character in "\t\n\r" or category == "Zs":
            return " "
        return "" if category in {"Cc", "Cf", "Co"} or character == "\ufffd" else character

    def normalize(self, text):
        text = "".join(map(self.clean, text))
        text = "".join(f" {character} " if self.is_chinese(character) else character for character in text)
        if self.lowercase:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
            text = "".join(character.lower() for character in text)
        return text

    def is_chinese(self, character):
        blocks = ["\u3400\u4dbf", "\u4e00\u9fff", "\uf900\ufaff", "\U00020000\U0002a6df", "\U0002f800\U0002fa1f"]
        return any(first <= character <= last for first, last in blocks)

    def is_punctuation(self, character):
        return character in string.punctuation or unicodedata.category(character).startswith("P")

    def words(self, text):
        spaced = (f" {character} " if self.is_punctuation(character) else character for character in text)
        return "".join(spaced).split()

    def word(self, word):
        pieces, start = [], 0
        while start < len(word):
            ends = range(len(word), start, -1)
            candidates = (("##" if start else "") + word[start:end] for end in ends)
            piece = next((piece for piece in candidates if piece in self.ids), None)
            if piece is None or len(word) > 100:
                return [self.ids["[UNK]"]]
            pieces.append(self.ids[piece])
            start += len(piece) - (2 if start else 0)
        return pieces

    def encode(self, text):
        return [number for word in self.words(self.normalize(text)) for number in self.word(word)]
