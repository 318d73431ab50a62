"""UniCLLoss stands in for open_clip's ClipLoss."""

from __future__ import annotations

import open_clip
import pytest
import torch

import unicl
from unicl.loss import row_losses


@pytest.fixture
def batch(make_batch):
    return make_batch(9, 9, 6)


def test_without_labels_it_answers_as_clip_loss_does(batch):
    scale = torch.tensor(14.3).double()
    ours, clip = unicl.UniCLLoss(), open_clip.ClipLoss()
    torch.testing.assert_close(ours(batch.image, batch.text, scale), clip(batch.image, batch.text, scale))
    answer = ours(image_features=batch.image, text_features=batch.text, logit_scale=scale, output_dict=True)
    assert set(answer) == {"contrastive_loss"}


def test_options_are_those_of_fused_loss(batch):
    loss = unicl.UniCLLoss(direction="image_to_text")(batch.image, batch.text, 3.0, image_labels=batch.image_labels)
    expected = unicl.fused_loss(batch.image, batch.text, batch.image_labels, None, 3.0, direction="image_to_text")
    assert loss.item() == expected.item()


def test_what_belongs_to_a_batch_goes_with_the_batch(batch):
    bank, weight = batch.text.flip(0)[:4], torch.rand(9)
    of_batch = {"image_weight": weight, "text_weight": weight.flip(0), "extra_text_features": bank}
    of_batch |= {"image_labels": batch.image_labels, "extra_text_labels": batch.image_labels[:4]}
    loss = unicl.UniCLLoss()(batch.image, batch.text, 3.0, **of_batch)
    assert loss.item() == unicl.fused_loss(batch.image, batch.text, logit_scale=3.0, **of_batch).item()


@pytest.mark.parametrize("name", ["image_weight", "text_weight", "extra_text_features", "extra_text_labels"])
def test_what_belongs_to_a_batch_is_refused_when_the_module_is_made(name):
    with pytest.raises(TypeError, match=rf"expected options of UniCLLoss; got {name}: pass it with each batch$"):
        unicl.UniCLLoss(**{name: torch.ones(3)})


def test_unknown_options_are_refused_when_the_module_is_made():
    with pytest.raises(TypeError, match=r"expected options of UniCLLoss; got margin$"):
        unicl.UniCLLoss(margin=0.07)


@pytest.mark.parametrize("call", [unicl.fused_loss, row_losses, lambda *_, **options: unicl.UniCLLoss(**options)])
def test_a_temperature_is_refused_with_the_scale_to_pass_instead(batch, call):
    with pytest.raises(TypeError, match=r"got temperature: pass logit_scale.*1 / temperature"):
        call(batch.image, batch.text, temperature=0.07)


def test_an_unknown_mode_is_refused_when_the_module_is_made():
    with pytest.raises(ValueError, match=r"expected direction 'both', .*; got 'sideways'"):
        unicl.UniCLLoss(direction="sideways")


def test_what_clip_loss_takes_over_ranks_is_refused_with_what_to_pass_here():
    message = r"got local_loss, rank: over ranks, pass group='world'$"
    with pytest.raises(TypeError, match=message):
        unicl.UniCLLoss(rank=0, local_loss=True)


@pytest.mark.parametrize("place", [torch.arange(9), torch.ones(1, dtype=torch.int64), torch.ones(9)])
def test_labels_in_the_place_of_the_bias_are_refused(batch, place):
    with pytest.raises(
        TypeError, match=r"expected logit_bias as one floating-point number; got .* by name, image_labels="
    ):
        unicl.UniCLLoss()(batch.image, batch.text, 3.0, place)


def test_one_number_comes_out_so_reduction_none_is_refused():
    with pytest.raises(TypeError, match=r"got reduction: for the losses of rows, call unicl\.row_losses$"):
        unicl.UniCLLoss(reduction="none")


def test_a_bias_cancels_and_gets_a_zero_gradient(batch):
    bias = torch.tensor(-10.0, requires_grad=True)
    loss = unicl.UniCLLoss()(batch.image.requires_grad_(), batch.text, 3.0, bias)
    loss.backward()
    assert loss.item() == pytest.approx(unicl.fused_loss(batch.image, batch.text, logit_scale=3.0).item())
    assert bias.grad == 0


def test_its_repr_shows_the_options():
    assert repr(unicl.UniCLLoss()) == "UniCLLoss()"
    shown = "UniCLLoss(direction='image_to_text', normalize=True)"
    assert repr(unicl.UniCLLoss(normalize=True, direction="image_to_text")) == shown
