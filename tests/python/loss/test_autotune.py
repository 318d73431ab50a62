"""The choice of a tile, with a clock of our own: no GPU is here to be timed."""

from __future__ import annotations

import pytest
import torch

autotune = pytest.importorskip("unicl.loss.kernels.autotune", reason="triton is not installed")

PLAIN = {"SETS": False, "EXCLUDE": False}
KERNELS = sorted((kernel, sets) for kernel, sets, exact in autotune.TILES if not exact)


class Card:
    """Stands in for a GPU: counts the launches, and takes the time that ``cost`` says for each tile."""

    def __init__(self, cost):
        self.cost = cost
        self.launched = []

    def launch(self, tile):
        self.launched.append(tile)

    def milliseconds(self, run):
        run()
        return self.cost(self.launched[-1])


@pytest.fixture
def card(monkeypatch):
    """``card(cost)``: a card in place of the clock, and nothing chosen yet."""

    def make(cost):
        made = Card(cost)
        monkeypatch.setattr(autotune, "_milliseconds", made.milliseconds)
        monkeypatch.setattr(autotune, "_chosen", {})
        # Asking needs a driver.
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
        return made

    return make


def choose(
    card,
    kernel="sums_kernel",
    sizes=(100, 200, 64),
    dtype=torch.bfloat16,
    constants=PLAIN,
    labels_a_row=(1.0, 1.0),
    *,
    deterministic,
):
    b, m, d = sizes
    u, v = torch.empty(b, d, dtype=dtype), torch.empty(m, d, dtype=dtype)
    return autotune.choose(kernel, u, v, constants, card.launch, labels_a_row=labels_a_row, deterministic=deterministic)


@pytest.mark.parametrize(("kernel", "sets"), KERNELS)
def test_the_fastest_tile_is_chosen_wherever_it_stands(card, kernel, sets):
    tiles = autotune.TILES[kernel, sets, False]
    assert len(tiles) > 1
    for fastest in tiles:
        timed = card(lambda tile, fastest=fastest: 1.0 if tile is fastest else 2.0)
        assert choose(timed, kernel, constants={**PLAIN, "SETS": sets}, deterministic=False) is fastest
        assert timed.launched == list(tiles)


@pytest.mark.parametrize(("kernel", "sets"), KERNELS)
def test_deterministic_calls_take_the_fixed_tile_and_time_nothing(card, kernel, sets):
    tiles = autotune.TILES[kernel, sets, False]
    timed = card(lambda tile: 1.0 if tile is tiles[-1] else 2.0)
    for waived_before in (False, True):
        assert choose(timed, kernel, constants={**PLAIN, "SETS": sets}, deterministic=True) is tiles[0]
        assert len(timed.launched) == (len(tiles) if waived_before else 0)
        choose(timed, kernel, constants={**PLAIN, "SETS": sets}, deterministic=False)


def test_a_kind_of_problem_is_timed_once(card):
    tiles = autotune.TILES["sums_kernel", False, False]
    timed = card(lambda tile: 1.0 if tile is tiles[1] else 2.0)
    first = choose(timed, deterministic=False)
    timed.cost = lambda tile: 1.0 if tile is tiles[2] else 2.0
    assert choose(timed, deterministic=False) is first is tiles[1]
    # 65 to 128 images and 129 to 256 texts are one kind, and so is up to one label in a row.
    assert choose(timed, sizes=(128, 256, 50), labels_a_row=(0.2, 0.9), deterministic=False) is first
    assert len(timed.launched) == len(tiles)
    ((kind, tile),) = autotune.chosen_tiles().items()
    assert tile is first
    assert kind == ("sums_kernel", torch.device("cpu"), torch.bfloat16, False, False, 128, 256, 64, 1, 1)


OTHER_KINDS = {
    "kernel": {"kernel": "gradient_kernel"},
    "images": {"sizes": (129, 200, 64)},
    "texts": {"sizes": (100, 257, 64)},
    "width": {"sizes": (100, 200, 65)},
    "dtype": {"dtype": torch.float16},
    "sets": {"constants": {**PLAIN, "SETS": True}},
    "labels of an image": {"labels_a_row": (1.5, 1.0)},
    "labels of a text": {"labels_a_row": (1.0, 3.0)},
    "other code": {"constants": {**PLAIN, "EXCLUDE": True}},
}


@pytest.mark.parametrize("other", OTHER_KINDS.values(), ids=OTHER_KINDS.keys())
def test_another_kind_is_timed_anew(card, other):
    timed = card(lambda tile: tile["BN"])
    choose(timed, deterministic=False)
    before = len(timed.launched)
    choose(timed, **other, deterministic=False)
    assert len(timed.launched) > before


def test_float32_has_tiles_of_its_own_and_a_single_one_is_not_timed(card):
    timed = card(lambda tile: tile["BN"])
    (only,) = autotune.TILES["sums_kernel", True, True]
    constants = {**PLAIN, "SETS": True}
    assert choose(timed, dtype=torch.float32, constants=constants, deterministic=False) is only
    assert timed.launched == []


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_tile_that_spills_if_the_own_pair_is_excluded_is_not_taken_then(card, deterministic):
    timed = card(lambda tile: -tile["BM"] * tile["BN"])
    largest = choose(timed, deterministic=deterministic)
    timed.launched.clear()
    tile = choose(timed, constants={**PLAIN, "EXCLUDE": True}, deterministic=deterministic)
    assert tile is not largest
    assert largest not in timed.launched


def test_nothing_is_timed_while_a_cuda_graph_records(card, monkeypatch):
    timed = card(lambda tile: tile["BN"])
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert choose(timed, deterministic=False) is autotune.TILES["sums_kernel", False, False][0]
    assert timed.launched == []
