"""Batch augmentation."""

import pytest
import torch

from unicl.data import augment


def images() -> torch.Tensor:
    return torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def test_the_same_generator_state_gives_the_same_images() -> None:
    once, again, other = (augment(images(), torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_strength_zero_changes_nothing_and_a_little_changes_little() -> None:
    assert torch.equal(augment(images(), torch.Generator(), strength=0.0), images())
    flat = torch.full((64, 3, 8, 8), 0.5)
    assert (augment(flat, torch.Generator().manual_seed(0), strength=0.1) - flat).abs().max() < 0.05


def test_each_image_changes_by_its_own_amount() -> None:
    same = images()[:1].expand(5, -1, -1, -1)
    changed = augment(same, torch.Generator().manual_seed(0))
    assert all(not torch.allclose(changed[0], other) for other in changed[1:])


def test_a_negative_strength_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected strength >= 0; got -1\.0"):
        augment(images(), torch.Generator(), strength=-1.0)
