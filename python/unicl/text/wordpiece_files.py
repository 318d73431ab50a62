"""Reads and writes WordPiece's files: ``vocab.txt``, ``tokenizer.json``, ``tokenizer_config.json``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias, TypedDict

from unicl.files import write_text
from unicl.text.hub_files import first_file_on_hub, read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = ["unk", "cls", "sep", "pad", "mask"]
TEXTS = {"$A": "A", "$B": "B"}

#: The parts of a row, each with its token type: ``$A`` and ``$B`` are texts, and other names are control tokens.
Template: TypeAlias = tuple[tuple[str, int], ...]


class ModelSettings(TypedDict, total=False):
    """The arguments of `WordPieceTokenizer` that a model was trained with, except the vocabulary."""

    lowercase: bool
    strip_accents: bool | None
    handle_chinese_chars: bool
    clean_text: bool
    unk_token: str
    cls_token: str
    sep_token: str
    pad_token: str
    mask_token: str
    added_tokens: Sequence[str]
    continuing_subword_prefix: str
    max_input_chars_per_word: int
    single_template: Template
    pair_template: Template


class WordPieceSettings(ModelSettings, total=False):
    """The arguments of `WordPieceTokenizer` except its vocabulary; its documentation explains them."""

    context_length: int
    special_tokens: Literal["text", "bert"]


def bert_templates(class_token: str, separator: str) -> tuple[Template, Template]:
    """Gives the rows of BERT with one text and with two."""
    single = ((class_token, 0), ("$A", 0), (separator, 0))
    return single, (*single, ("$B", 1), (separator, 1))


def read_vocabulary(vocabulary: str | os.PathLike[str] | Sequence[str]) -> bytes:
    """Gives the content of a ``vocab.txt``: that of the file at a path, or that of these tokens."""
    if isinstance(vocabulary, str | os.PathLike):
        path = Path(vocabulary)
        if path.suffix == ".json":
            raise ValueError(f"expected a vocab.txt; got {path}: read it with WordPieceTokenizer.from_file(path)")
        return path.read_bytes()
    for number, token in enumerate(vocabulary):
        if not isinstance(token, str):
            raise TypeError(f"expected a path or a sequence of str; token {number} is of type {type(token).__name__}")
        if "\n" in token:
            raise ValueError(f"expected tokens without line feeds; token {number} of the vocabulary is {token!r}")
    return "".join(f"{token}\n" for token in vocabulary).encode()


def read_tokenizer_json(path: Path) -> tuple[list[str], ModelSettings]:
    """Gives the tokens and the settings of a ``tokenizer.json``, or raises how it differs from BERT's."""
    file = read_json(path)
    refuse = _Refusal(path)
    try:
        return _read(file, refuse)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError) as error:
        refuse(f"a part of it is missing or of another kind, {type(error).__name__}: {error}")


def _read(file: dict[str, Any], refuse: _Refusal) -> tuple[list[str], ModelSettings]:
    model = file.get("model") or {}
    # Files of 2020 do not name the type.
    known = {"unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"} <= model.keys()
    if model.get("type", "WordPiece") != "WordPiece" or not known:
        refuse(f"expected the model 'WordPiece'; got {model.get('type')!r}")
    pre_tokenizer = (file.get("pre_tokenizer") or {}).get("type")
    if pre_tokenizer != "BertPreTokenizer":
        refuse(f"expected the pre_tokenizer 'BertPreTokenizer'; got {pre_tokenizer!r}")
    tokens = _tokens(model["vocab"], refuse)
    added = _read_added_tokens(file.get("added_tokens") or [], model["vocab"], refuse)
    ids = {token: number for number, token in enumerate(dict.fromkeys([*tokens, *added]))}
    single, pair = _read_post_processor(file.get("post_processor") or {}, ids, refuse)
    at = [name for name, _ in single].index("$A")
    class_token, separator = single[0][0], single[at + 1][0]
    # Only the file's padding names the token that pads, but not every file has one.
    otherwise = (file.get("padding") or {}).get("pad_token", "<pad>" if "<pad>" in added else "[PAD]")
    padding = "[PAD]" if "[PAD]" in tokens else otherwise
    mask = "<mask>" if "<mask>" in added and "[MASK]" not in ids else "[MASK]"
    names = {model["unk_token"], class_token, separator, padding, mask}
    settings: ModelSettings = {
        **_read_normalizer(file.get("normalizer"), refuse),
        "unk_token": model["unk_token"],
        "cls_token": class_token,
        "sep_token": separator,
        "pad_token": padding,
        "mask_token": mask,
        "added_tokens": [name for name in added if name not in names & set(tokens)],
        "continuing_subword_prefix": model["continuing_subword_prefix"],
        "max_input_chars_per_word": model["max_input_chars_per_word"],
        "single_template": single,
        "pair_template": pair,
    }
    return tokens, settings


class _Refusal:
    """Raises the error for a file that is not BERT's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, problem: str) -> NoReturn:
        raise ValueError(f"{self.path} describes no WordPiece tokenizer like BERT's: {problem}")


def _tokens(vocabulary: dict[str, int], refuse: _Refusal) -> list[str]:
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    for number, token in enumerate(tokens):
        if vocabulary[token] != number:
            refuse(f"expected a token with the id {number}; got {vocabulary[token]} for the next, {token!r}")
    return tokens


def _read_normalizer(normalizer: dict[str, Any] | None, refuse: _Refusal) -> ModelSettings:
    names = ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]
    if normalizer is None:
        return dict.fromkeys(names, False)  # type: ignore[return-value]
    if normalizer.get("type") != "BertNormalizer":
        refuse(f"expected the normalizer 'BertNormalizer'; got {normalizer.get('type')!r}")
    return {name: normalizer[name] for name in names}  # type: ignore[return-value]


def _read_post_processor(
    post_processor: dict[str, Any], ids: dict[str, int], refuse: _Refusal
) -> tuple[Template, Template]:
    """Gives the rows with one text and with two, as lists of tokens and texts."""
    kind = post_processor.get("type")
    if kind == "Sequence":
        # ByteLevel changes the places of tokens in the text, which are not given, and no id.
        adding = [part for part in post_processor["processors"] if part["type"] != "ByteLevel"]
        if len(adding) != 1:
            found = [part["type"] for part in adding]
            refuse(f"expected one post_processor in its 'Sequence' that adds tokens; got {found}")
        return _read_post_processor(adding[0], ids, refuse)
    if kind == "TemplateProcessing":
        single, pair = (
            _read_template(post_processor[name], post_processor["special_tokens"], ids, refuse)
            for name in ("single", "pair")
        )
    elif kind in ("BertProcessing", "RobertaProcessing"):
        for token in (post_processor["cls"], post_processor["sep"]):
            _check_ids(token[:1], token[1:], ids, refuse)
        class_token, separator = post_processor["cls"][0], post_processor["sep"][0]
        single, pair = bert_templates(class_token, separator)
        if kind == "RobertaProcessing":
            pair = (*single, (separator, 0), ("$B", 0), (separator, 0))
    else:
        refuse(
            "expected the post_processor 'TemplateProcessing', 'BertProcessing', 'RobertaProcessing' or a 'Sequence' "
            f"with one of them; got {kind!r}"
        )
    texts = [[name for name, _ in template if name in TEXTS] for template in (single, pair)]
    if texts[0] != ["$A"] or sorted(texts[1]) != ["$A", "$B"] or "$A" in (single[0][0], single[-1][0]):
        refuse(
            "expected rows of the class token, the text, a separator, and for pairs of both texts once; "
            f"got {' '.join(name for name, _ in single)!r} and {' '.join(name for name, _ in pair)!r}"
        )
    return single, pair


def _read_template(
    parts: list[dict[str, Any]], special: dict[str, Any], ids: dict[str, int], refuse: _Refusal
) -> Template:
    template: list[tuple[str, int]] = []
    for part in parts:
        kind, content = next(iter(part.items()))
        token_type = content["type_id"]
        if not isinstance(token_type, int) or not 0 <= token_type < 2**31:
            refuse(f"expected token types from 0 in its post_processor; got {token_type!r}")
        if kind == "Sequence":
            template.append((f"${content['id']}", token_type))
        else:
            tokens = special[content["id"]]
            _check_ids(tokens["tokens"], tokens["ids"], ids, refuse)
            template += [(name, token_type) for name in tokens["tokens"]]
    return tuple(template)


def _check_ids(tokens: list[str], numbers: list[int], ids: dict[str, int], refuse: _Refusal) -> None:
    wanted = [ids.get(token) for token in tokens]
    if None in wanted or wanted != numbers:
        shown = ", ".join(map(str, wanted)), ", ".join(map(repr, tokens))
        refuse(f"expected the id {shown[0]} for {shown[1]} in its post_processor; got {numbers}")


def _read_added_tokens(added: list[dict[str, Any]], vocabulary: dict[str, int], refuse: _Refusal) -> list[str]:
    added = sorted(added, key=lambda token: token["id"])
    next_id = len(vocabulary)
    for token in added:
        name = token["content"]
        # lstrip and rstrip take spaces beside the token, which are no part of a word anyway.
        flags = [flag for flag in ["single_word", "normalized"] if token.get(flag)]
        if flags:
            refuse(f"expected added tokens without flags; {name!r} is {' and '.join(flags)}")
        if token["id"] != vocabulary.get(name, next_id):
            refuse(f"expected the id {vocabulary.get(name, next_id)} for its added token {name!r}; got {token['id']}")
        next_id += name not in vocabulary
    return [token["content"] for token in added]


def hub_file(name: str, revision: str | None) -> Path:
    """Gives the local copy of a model's ``tokenizer.json`` on the hub, which is downloaded if there is none yet."""
    otherwise = "pass the path of a file to WordPieceTokenizer.from_file"
    path = first_file_on_hub(name, ["tokenizer.json"], revision=revision, otherwise=otherwise)
    if path is None:
        raise FileNotFoundError(
            f"expected a tokenizer.json in {name!r} on the hub; got none: if it has a vocab.txt, download that and "
            "call WordPieceTokenizer(path, lowercase=...)"
        )
    return path


def write(folder: Path, tokens: list[str], settings: WordPieceSettings) -> None:
    """Writes a vocabulary and settings as the three files."""
    names = {role: settings[f"{role}_token"] for role in ROLES}  # type: ignore[literal-required]
    ids = {token: number for number, token in enumerate(dict.fromkeys([*tokens, *settings["added_tokens"]]))}
    control = dict.fromkeys(name for name in [*names.values(), *settings["added_tokens"]] if name in ids)
    templates = settings["single_template"], settings["pair_template"]
    single, pair = ([_part(name, kind) for name, kind in template] for template in templates)
    special = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name, _ in templates[1] if name in ids}
    special |= {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name, _ in templates[0] if name in ids}
    switches = ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[name], "content": name, "special": True}
            | dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
            for name in sorted(control, key=lambda name: ids[name])
        ],
        "normalizer": {"type": "BertNormalizer"} | {name: settings[name] for name in switches},  # type: ignore[literal-required]
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": single,
            "pair": pair,
            "special_tokens": special,
        },
        "decoder": {"type": "WordPiece", "prefix": settings["continuing_subword_prefix"], "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": names["unk"],
            "continuing_subword_prefix": settings["continuing_subword_prefix"],
            "max_input_chars_per_word": settings["max_input_chars_per_word"],
            "vocab": {token: ids[token] for token in tokens},
        },
    }
    is_bert = templates == bert_templates(names["cls"], names["sep"])
    config = {
        # transformers gives its class for BERT the rows of BERT, whatever the file describes.
        "tokenizer_class": "BertTokenizer" if is_bert else "PreTrainedTokenizerFast",
        "model_max_length": settings["context_length"],
        "do_lower_case": settings["lowercase"],
        "strip_accents": settings["strip_accents"],
        "tokenize_chinese_chars": settings["handle_chinese_chars"],
        "split_special_tokens": settings["special_tokens"] == "text",
        **{f"{role}_token": name for role, name in names.items() if name in ids},
        "unicl": {name: settings[name] for name in ["context_length", "special_tokens"]},  # type: ignore[literal-required]
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "vocab.txt", "".join(f"{token}\n" for token in ids))
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", config)


def read_settings(folder: Path) -> dict[str, Any]:
    """Gives the settings that `write` wrote and that a ``tokenizer.json`` has no place for."""
    path = folder / "tokenizer_config.json"
    settings = read_json(path).get("unicl")
    if not isinstance(settings, dict) or settings.keys() != {"context_length", "special_tokens"}:
        raise ValueError(
            f"expected a file that WordPieceTokenizer.save wrote; got {path}: to use the vocabulary of another folder, "
            f"call WordPieceTokenizer.from_file({str(folder / 'tokenizer.json')!r})"
        )
    return settings


def _part(name: str, type_id: int) -> dict[str, Any]:
    kind = "Sequence" if name in TEXTS else "SpecialToken"
    return {kind: {"id": TEXTS.get(name, name), "type_id": type_id}}
