"""A batch is a mapping, so trainers that pass batches on by name take it."""

from types import SimpleNamespace

import pytest
import torch
from transformers import Trainer

from unicl import LabelSets
from unicl.data import Batch, CollateLabelSets

SAMPLES = [{"image": torch.ones(3, 2, 2), "input_ids": [1, 2], "labels": labels} for labels in ([3, 5], [])]


class Owner:
    """The parts of HF's trainer that prepare a batch."""

    args = SimpleNamespace(device=torch.device("cpu"))
    is_deepspeed_enabled = False
    _prepare_input = Trainer._prepare_input
    prepare = Trainer._prepare_inputs


def test_the_trainer_of_hf_passes_a_batch_to_a_model_by_name() -> None:
    batch = Owner().prepare(CollateLabelSets()(SAMPLES))
    assert isinstance(batch, Batch)

    def model(images: torch.Tensor, tokens: torch.Tensor, image_labels: LabelSets, text_labels: LabelSets) -> None:
        assert (images.shape, tokens.tolist()) == ((2, 3, 2, 2), [[1, 2], [1, 2]])
        assert image_labels.to_list() == text_labels.to_list() == [[3, 5], []]

    model(**batch)


def test_a_batch_has_its_four_fields_and_no_other() -> None:
    batch = CollateLabelSets()(SAMPLES)
    assert list(batch) == ["images", "tokens", "image_labels", "text_labels"]
    assert batch["tokens"] is batch.tokens
    assert "pin_memory" not in batch
    assert batch.to("meta").images.device.type == "meta"
    with pytest.raises(TypeError, match=r"expected the fields images, .* of a Batch; got images"):
        Batch(images=torch.ones(1, 3, 2, 2))
