"""Token rows end with the longest text of a batch, and a mark can tell captions from class prompts."""

import pytest
import torch

from unicl import ClipTokenizer
from unicl.data.token_rows import SourceTokens, TokenRows
from unicl.models import SmallDualTowerConfig

TEXTS = ["a dog", "two dogs run on the beach with a red ball", "!!! wow !"]


@pytest.mark.parametrize("pad_id", [0, 49407])
@pytest.mark.parametrize("trim", [1, 4, 8, 100])
def test_trimmed_rows_are_the_start_of_full_rows_and_the_rest_is_padding(pad_id: int, trim: int) -> None:
    tokenizer = ClipTokenizer(pad_id=pad_id)
    full = TokenRows(tokenizer=tokenizer, trim=None)(TEXTS, [False] * 3)
    rows = TokenRows(tokenizer=tokenizer, trim=trim)(TEXTS, [False] * 3)
    assert full.shape == (3, 77)
    assert torch.equal(full[:, : rows.shape[1]], rows)
    assert bool((full[:, rows.shape[1] :] == pad_id).all())
    assert rows.shape[1] == min(-(-12 // trim) * trim, 77)  # ten words, a start token and an end token


def test_a_text_that_is_cut_fills_the_row() -> None:
    rows = TokenRows(tokenizer=ClipTokenizer())(["dog " * 200, "a"], [False, False])
    assert rows.shape == (2, 77)
    assert rows[0, -1] == 49407


def test_the_text_tower_gives_the_same_features_for_trimmed_rows() -> None:
    torch.manual_seed(0)
    tower = SmallDualTowerConfig(vocab_size=49408, context_length=77, embed_dim=8, text_width=32).build().eval()
    full, trimmed = (TokenRows(tokenizer=ClipTokenizer(), trim=trim)(TEXTS, [False] * 3) for trim in (None, 8))
    torch.testing.assert_close(tower.encode_text(full), tower.encode_text(trimmed))


def test_a_token_after_the_start_token_marks_the_kind_of_text() -> None:
    marks = SourceTokens(caption=7, prompt=9)
    rows = TokenRows(tokenizer=ClipTokenizer(), source_tokens=marks)(["a dog", "a cat"], [False, True])
    plain = TokenRows(tokenizer=ClipTokenizer())(["a dog", "a cat"], [False, True])
    assert rows[:, 1].tolist() == [7, 9]
    assert torch.equal(rows[:, [0, 2, 3, 4]], plain[:, [0, 1, 2, 3]])
    long = TokenRows(tokenizer=ClipTokenizer(), source_tokens=marks)(["dog " * 200], [True])
    assert (long.shape[1], long[0, 1].item(), long[0, -1].item()) == (77, 9, 49407)


def test_words_before_the_text_mark_its_kind() -> None:
    marks = SourceTokens(caption="", prompt="class name:")
    tokenizer = ClipTokenizer()
    rows = TokenRows(tokenizer=tokenizer, source_tokens=marks)(["a dog", "a cat"], [False, True])
    assert [tokenizer.decode(row) for row in rows] == ["a dog", "class name : a cat"]


def test_marks_of_two_kinds_and_bad_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="expected words for both kinds of texts, or ids for both"):
        SourceTokens(caption="a", prompt=3)
    with pytest.raises(ValueError, match="expected token ids >= 0"):
        SourceTokens(caption=-1, prompt=3)
    with pytest.raises(ValueError, match="expected trim >= 1, or None"):
        TokenRows(tokenizer=ClipTokenizer(), trim=0)


def test_no_texts_give_no_rows() -> None:
    assert TokenRows(tokenizer=ClipTokenizer())([], []).shape[0] == 0
