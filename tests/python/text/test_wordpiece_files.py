"""Where a `WordPieceTokenizer` comes from and how it is kept."""

import json
import sys
from pathlib import Path

import pytest

from unicl.text import WordPieceTokenizer

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "dog", "##s", "Dog", "caf\u00e9"]
ROBERTA = {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
CAPTION = "Dogs caf\u00e9 [MASK]"


@pytest.fixture
def saved(tmp_path):
    """A folder that `save` wrote."""
    WordPieceTokenizer(TOKENS, context_length=9).save(tmp_path)
    return tmp_path


def test_a_vocab_txt_gives_its_line_numbers_as_ids(tmp_path):
    for line_end in ["\n", "\r\n"]:
        path = tmp_path / "vocab.txt"
        path.write_bytes(line_end.join(TOKENS).encode())
        for given in [path, str(path)]:
            assert WordPieceTokenizer(given).encode("dogs")[0].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*TOKENS, "dog"], 'line 10 of the vocabulary: expected a new token; got "dog", which line 6 has already'),
        ([*TOKENS, "", "cat"], 'line 10 of the vocabulary: expected one token without spaces around it; got ""'),
        ([*TOKENS, "cat 5"[:4]], 'line 10 of the vocabulary: .* got "cat "'),
        (TOKENS[1:], r'expected the pad token "\[PAD\]" in the vocabulary; got none'),
        ([TOKENS[0], *TOKENS[2:]], r'expected the unk token "\[UNK\]" in the vocabulary; got none'),
        ([], 'line 1 of the vocabulary: expected one token .* got ""'),
    ],
)
def test_a_bad_vocabulary_is_refused_with_its_line(tmp_path, lines, message):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(path)


def test_a_vocabulary_that_is_not_utf_8_or_not_str_is_refused(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"[PAD]\n[UNK]\n\xff\n")
    with pytest.raises(ValueError, match="line 3 of the vocabulary: expected UTF-8"):
        WordPieceTokenizer(path)
    with pytest.raises(TypeError, match="expected a path or a sequence of str; token 9 is of type int"):
        WordPieceTokenizer([*TOKENS, 3])
    with pytest.raises(ValueError, match=r"expected tokens without line feeds; token 9 of the vocabulary is 'a\\nb'"):
        WordPieceTokenizer([*TOKENS, "a\nb"])
    with pytest.raises(TypeError, match="expected added_tokens as a sequence of str; got the str '<a>'"):
        WordPieceTokenizer(TOKENS, added_tokens="<a>")


def test_a_missing_file_is_named_and_a_tokenizer_json_sent_to_from_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        WordPieceTokenizer(tmp_path / "nowhere.txt")
    with pytest.raises(
        ValueError, match=r"expected a vocab\.txt; got .*: read it with WordPieceTokenizer\.from_file\(path\)"
    ):
        WordPieceTokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lowercase": False, "context_length": 12, "special_tokens": "bert"},
        {"lowercase": True, "strip_accents": False, "added_tokens": ["[DEC]", "[ENC]"]},
        {"clean_text": False, "handle_chinese_chars": False, "max_input_chars_per_word": 3},
        {"cls_token": "dog", "mask_token": "<mask>"},
    ],
)
def test_what_save_wrote_loads_as_it_was(tmp_path, settings):
    folder = tmp_path / "new" / "folder"
    tokenizer = WordPieceTokenizer(TOKENS, **settings)
    tokenizer.save(folder)
    again = WordPieceTokenizer.load(folder)
    assert repr(again) == repr(tokenizer)
    assert again(CAPTION + "\x0b[ENC]").tolist() == tokenizer(CAPTION + "\x0b[ENC]").tolist()
    assert sorted(path.name for path in folder.iterdir()) == ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]
    assert (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()[: len(TOKENS)] == TOKENS


def test_a_write_that_fails_leaves_the_old_file(saved, monkeypatch):
    before = (saved / "tokenizer.json").read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        WordPieceTokenizer([*TOKENS, "cat"]).save(saved)
    assert (saved / "tokenizer.json").read_bytes() == before
    assert len(list(saved.iterdir())) == 3


def test_load_says_what_is_missing_or_foreign(saved):
    (saved / "tokenizer_config.json").write_text("{}")
    with pytest.raises(
        ValueError, match=r"expected a file that WordPieceTokenizer\.save wrote; .* call WordPieceTokenizer\.from_file"
    ):
        WordPieceTokenizer.load(saved)
    (saved / "tokenizer_config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"tokenizer_config\.json"):
        WordPieceTokenizer.load(saved)


def test_a_file_of_bert_processing_without_type_and_normalizer_is_read(saved):
    path = saved / "tokenizer.json"
    file = json.loads(path.read_text(encoding="utf-8"))
    del file["model"]["type"]
    file["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    file["normalizer"] = None
    path.write_text(json.dumps(file))
    tokenizer = WordPieceTokenizer.from_file(path, context_length=5)
    assert tokenizer("Dog dog").tolist() == [[2, 7, 5, 3, 0]]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["model", "type"], "BPE", "expected the model 'WordPiece'; got 'BPE'"),
        (["model"], None, "expected the model 'WordPiece'; got None"),
        (["model", "vocab", "dog"], 77, "expected a token with the id 5; got 6 for the next, '##s'"),
        (["model", "vocab"], None, "a part of it is missing or of another kind, TypeError"),
        (["model", "vocab"], ["[PAD]", "[UNK]"], "a part of it is missing or of another kind, TypeError"),
        (["normalizer"], {"type": "BertNormalizer"}, "a part .* of another kind, KeyError: 'clean_text'"),
        (["post_processor"], {"type": "BertProcessing"}, "a part .* of another kind, KeyError: 'cls'"),
        (["pre_tokenizer"], None, "expected the pre_tokenizer 'BertPreTokenizer'; got None"),
        (["normalizer"], {"type": "NFC"}, "expected the normalizer 'BertNormalizer'; got 'NFC'"),
        (["post_processor"], None, "expected the post_processor 'TemplateProcessing', .*; got None"),
        (
            ["post_processor", "pair"],
            [{"Sequence": {"id": "A", "type_id": 0}}],
            "expected rows of the class token, the text",
        ),
        (["post_processor", "single"], [], "expected rows of the class token, the text"),
        (
            ["post_processor", "special_tokens", "[CLS]", "ids"],
            [7],
            r"expected the id 2 for '\[CLS\]' in its post_processor; got \[7\]",
        ),
        (["added_tokens", 4, "single_word"], True, r"expected added tokens without flags; '\[MASK\]' is single_word"),
        (["post_processor"], {"type": "Sequence", "processors": []}, r"expected one post_processor .*; got \[\]"),
        (
            ["post_processor"],
            {"type": "Sequence", "processors": [ROBERTA, ROBERTA]},
            r"expected one post_processor in its 'Sequence' that adds tokens; got \['RobertaProcessing', 'Roberta",
        ),
        (["post_processor", "single", 1, "Sequence", "type_id"], -1, "expected token types from 0 .*; got -1"),
        (["post_processor", "pair", 3, "Sequence", "id"], "A", r"expected rows of the class token, the text, a separ"),
        (["added_tokens", 4, "content"], "<new>", "expected the id 9 for its added token '<new>'; got 4"),
    ],
)
def test_a_file_that_is_not_berts_is_refused_with_the_reason(saved, place, value, message):
    path = saved / "tokenizer.json"
    file = json.loads(path.read_text(encoding="utf-8"))
    inner = file
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(file))
    with pytest.raises(ValueError, match=rf"tokenizer\.json describes no WordPiece tokenizer like BERT's: {message}"):
        WordPieceTokenizer.from_file(path)


@pytest.mark.parametrize("content", ["{", "[]", "\ud800".encode("utf-16", "surrogatepass")])
def test_a_file_that_is_no_json_object_is_refused(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=r"expected (JSON|a JSON object) in .*tokenizer\.json; got"):
        WordPieceTokenizer.from_file(path)


def test_a_file_without_pad_token_takes_the_one_that_its_padding_names(tmp_path):
    tokens = ["<filler>", *TOKENS[1:]]
    WordPieceTokenizer(tokens, pad_token="<filler>").save(tmp_path)  # noqa: S106 - no password
    path = tmp_path / "tokenizer.json"
    with pytest.raises(ValueError, match=r'expected the pad token "\[PAD\]" in the vocabulary; got none'):
        WordPieceTokenizer.from_file(path)
    file = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(file | {"padding": {"pad_token": "<filler>"}}))
    assert WordPieceTokenizer.from_file(path, context_length=4)("dog").tolist() == [[2, 5, 3, 0]]


def test_from_hub_reads_the_file_that_the_hub_gives(saved, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    asked = []
    download = lambda *arguments, **named: asked.append((arguments, named)) or str(saved / "tokenizer.json")  # noqa: E731
    monkeypatch.setattr(hub, "hf_hub_download", download)
    tokenizer = WordPieceTokenizer.from_hub("some/model", revision="v1", context_length=4)
    assert tokenizer("dog").tolist() == [[2, 5, 3, 0]]
    assert asked == [(("some/model", "tokenizer.json"), {"revision": "v1"})]


def test_a_model_without_the_file_and_a_missing_package_say_what_to_do(monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    from huggingface_hub.errors import EntryNotFoundError

    def missing(*_, **__):
        raise EntryNotFoundError("404")

    monkeypatch.setattr(hub, "hf_hub_download", missing)
    with pytest.raises(
        FileNotFoundError,
        match=r"expected a tokenizer\.json in 'some/model' on the hub; got none: if it has a vocab\.txt",
    ):
        WordPieceTokenizer.from_hub("some/model")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"expected the huggingface_hub package, .*; got none: install it, or"
    ):
        WordPieceTokenizer.from_hub("some/model")


def test_no_file_is_written_where_the_folder_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        WordPieceTokenizer(TOKENS).save(tmp_path / "file")
    assert Path(tmp_path / "file").read_text() == ""


def part(name, kind=0):
    """One part of a template, as tokenizer.json writes it."""
    return {"Sequence": {"id": name[1:], "type_id": kind}} if name in ("$A", "$B") else special(name, kind)


def special(name, kind=0):
    return {"SpecialToken": {"id": name, "type_id": kind}}


def template(single, pair, **tokens):
    """TemplateProcessing with parts such as ``"<s>:0"``."""
    named = {"[CLS]": [2], "[SEP]": [3], "[MASK]": [4], **tokens}
    parts = lambda text: [part(word.rpartition(":")[0], int(word.rpartition(":")[2])) for word in text.split()]  # noqa: E731
    return {
        "type": "TemplateProcessing",
        "single": parts(single),
        "pair": parts(pair),
        "special_tokens": {
            name: {"id": name, "ids": ids, "tokens": [TOKENS[number] for number in ids]} for name, ids in named.items()
        },
    }


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
POST_PROCESSORS = {
    "bert": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "roberta": ROBERTA | {"trim_offsets": True, "add_prefix_space": False},
    "mpnet": template("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 [SEP]:0 $B:1 [SEP]:1"),
    "funnel": template("[CLS]:2 $A:0 [SEP]:0", "[CLS]:2 $A:0 [SEP]:0 $B:1 [SEP]:1"),
    "the second text first": template("[CLS]:0 $A:3 [SEP]:0", "[CLS]:0 $B:1 [SEP]:1 $A:0 [MASK]:5"),
    "more tokens": template("[CLS]:0 [MASK]:0 $A:0 [MASK]:0 [SEP]:0", "[CLS]:0 [MASK]:1 $A:0 $B:0 [SEP]:0 [SEP]:7"),
    "two ids in one": template("[BOTH]:0 $A:0 [SEP]:0", "[BOTH]:1 $A:0 [SEP]:0 $B:1 [SEP]:1", **{"[BOTH]": [2, 4]}),
    "sequence": {
        "type": "Sequence",
        "processors": [BYTE_LEVEL, ROBERTA | {"trim_offsets": True, "add_prefix_space": True}],
    },
}


@pytest.mark.parametrize("special_tokens", ["text", "bert"])
@pytest.mark.parametrize("kind", POST_PROCESSORS)
def test_rows_of_every_post_processor_are_those_of_tokenizers(saved, kind, special_tokens):
    tokenizers = pytest.importorskip("tokenizers")
    path = saved / "tokenizer.json"
    file = json.loads(path.read_text(encoding="utf-8")) | {"post_processor": POST_PROCESSORS[kind]}
    file["added_tokens"][4]["lstrip"] = True
    path.write_text(json.dumps(file))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    theirs.encode_special_tokens = special_tokens == "text"
    texts, others = ["Dogs \u2003 [MASK]", "", "dog " * 9, "caf\u00e9"], ["dog", "dogs dogs", "", "Dogs [SEP] " * 5]
    ours = WordPieceTokenizer.from_file(path, special_tokens=special_tokens)
    for again in (False, True):
        for length in (6, 9, 20):
            theirs.enable_truncation(length)
            theirs.enable_padding(length=length, pad_id=0, pad_token="[PAD]")  # noqa: S106 - no password
            for pairs in (None, others):
                wanted = theirs.encode_batch(texts if pairs is None else list(zip(texts, pairs, strict=True)))
                got = ours.batch_encode(texts, pairs, context_length=length)
                for name, attribute in (("input_ids", "ids"), ("token_type_ids", "type_ids")):
                    assert got[name].tolist() == [getattr(row, attribute) for row in wanted], (name, length, again)
                assert got["attention_mask"].tolist() == [row.attention_mask for row in wanted]
            assert (
                ours(texts, context_length=length).tolist()
                == ours.batch_encode(texts, context_length=length)["input_ids"].tolist()
            )
        ours.save(saved / "again")
        ours = WordPieceTokenizer.load(saved / "again")


def test_what_save_wrote_of_other_rows_is_read_by_transformers(saved):
    transformers = pytest.importorskip("transformers")
    path = saved / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | {"post_processor": ROBERTA}))
    ours = WordPieceTokenizer.from_file(path)
    ours.save(saved / "again")
    theirs = transformers.AutoTokenizer.from_pretrained(saved / "again")
    got = ours.batch_encode(["dogs"], ["dog"], context_length=8)["input_ids"][0].tolist()
    assert got == theirs("dogs", "dog", padding="max_length", max_length=8)["input_ids"]


def test_names_of_padding_and_mask_are_roberta_s_where_bert_s_are_missing(tmp_path):
    tokens = ["<s>", "<pad>", "</s>", "[UNK]", "dog", "<mask>"]
    names = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"}
    WordPieceTokenizer(tokens, **names).save(tmp_path)
    tokenizer = WordPieceTokenizer.from_file(tmp_path / "tokenizer.json", context_length=4)
    assert (tokenizer.pad_id, tokenizer.mask_id, tokenizer("dog").tolist()) == (1, 5, [[0, 4, 2, 1]])


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ({"single_template": [("[CLS]", 0)]}, r"expected the text \$A once in single_template, .*; got 0 times \$A"),
        ({"single_template": [("$A", 0), ("$B", 0)]}, r"got 1 times \$A and 1 times \$B"),
        ({"pair_template": [("$A", 0), ("[SEP]", 0)]}, r"got 1 times \$A and 0 times \$B"),
        ({"single_template": [("$A", 0), ("[END]", 0)]}, r'got "\[END\]", which the vocabulary lacks'),
        ({"single_template": [("$A", -1)]}, "got the token type -1"),
    ],
)
def test_a_template_that_is_no_row_is_refused(templates, message):
    with pytest.raises(ValueError, match=message):
        WordPieceTokenizer(TOKENS, **templates)


def test_rows_have_room_for_the_control_tokens_of_their_template():
    template = [("[CLS]", 0), ("[MASK]", 0), ("$A", 0), ("[SEP]", 0)]
    tokenizer = WordPieceTokenizer(TOKENS, single_template=template)
    assert tokenizer("dog dog", context_length=3).tolist() == [[2, 4, 3]]
    assert tokenizer.decode(tokenizer("dog", context_length=5)[0]) == "dog"
    with pytest.raises(ValueError, match="expected context_length >= 3, for the control tokens; got 2"):
        tokenizer("dog", context_length=2)
    with pytest.raises(ValueError, match="expected context_length >= 3"):
        WordPieceTokenizer(TOKENS, single_template=template, context_length=2)
