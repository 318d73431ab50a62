"""The loader gives the same batches for any workers and ranks, goes on exactly, and leaves no process behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unicl.data import SampleLoader, SampleOrder

ORDER = SampleOrder([30, 50], weights=[1, 2], seed=5)
ROOT = Path(__file__).resolve().parents[3]
WORKERS = [(0, None), (1, "fork"), (2, "fork"), (1, "spawn"), (2, "spawn")]


def triples(sources: np.ndarray, rows: np.ndarray, positions: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([sources, rows, positions]))


class Rows:
    """A data set object: its method `take` makes a batch."""

    def take(self, sources: np.ndarray, rows: np.ndarray, positions: np.ndarray) -> dict[str, Any]:
        return {"batch": triples(sources, rows, positions), "process": os.getpid()}


def fail_at_40(_sources: np.ndarray, rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    if 40 in positions:
        raise ValueError(f"expected an image in row {rows[0]}; got a page")
    return positions


def fail_with_a_strange_error(*_: np.ndarray) -> np.ndarray:
    class StrangeError(Exception):
        pass

    raise StrangeError("strange\nand long")


def end_without_an_item(*_: np.ndarray) -> np.ndarray:
    raise StopIteration


def give_what_cannot_be_sent(*_: np.ndarray) -> Callable[[], int]:
    return lambda: 5


def die_at_40(_sources: np.ndarray, _rows: np.ndarray, positions: np.ndarray) -> np.ndarray:
    if 40 in positions:
        os.kill(os.getpid(), signal.SIGKILL)
    return positions


def expected(start: int, batch_size: int, steps: int) -> list[list[list[int]]]:
    batches = (np.arange(start + step * batch_size, start + (step + 1) * batch_size) for step in range(steps))
    return [triples(*ORDER.take(positions), positions).tolist() for positions in batches]


def wait_for_no_children() -> None:
    deadline = time.monotonic() + 60
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("workers", "start_method"), WORKERS)
def test_workers_make_the_batches_of_the_order(workers: int, start_method: str | None) -> None:
    loader = SampleLoader(Rows(), ORDER, batch_size=8, workers=workers, start_method=start_method)
    batches = list(loader)
    assert [batch["batch"].tolist() for batch in batches] == expected(0, 8, len(batches))
    assert len({batch["process"] for batch in batches}) == max(workers, 1)
    assert (os.getpid() in {batch["process"] for batch in batches}) == (workers == 0)
    wait_for_no_children()


@pytest.mark.parametrize(("workers", "start_method"), [(0, None), (2, "fork"), (1, "spawn")])
def test_the_state_counts_the_batches_that_the_consumer_got(workers: int, start_method: str | None) -> None:
    loader = SampleLoader(triples, ORDER, batch_size=8, workers=workers, start_method=start_method, prefetch=4)
    assert loader.state_dict()["position"] == 0
    for step, batch in enumerate(loader):
        assert loader.state_dict()["position"] == 8 * (step + 1)
        assert batch[2, -1] == 8 * (step + 1) - 1
        if step == 2:
            break
    wait_for_no_children()
    assert loader.state_dict() == ORDER.state(24)


@pytest.mark.parametrize("restart", [(0, None, 1), (2, "fork", 1), (1, "fork", 3), (0, None, 8)])
def test_another_number_of_workers_and_ranks_goes_on_exactly(restart: tuple[int, str | None, int]) -> None:
    first = SampleLoader(triples, ORDER, batch_size=16, workers=1, start_method="fork", endless=True)
    for step, _ in enumerate(first):
        if step == 2:
            break
    workers, start_method, world_size = restart
    steps: dict[int, list[torch.Tensor]] = {}
    for rank in range(world_size):
        loader = SampleLoader(
            triples,
            SampleOrder([30, 50], weights=[1, 2], seed=5),
            batch_size=16,
            rank=rank,
            world_size=world_size,
            workers=workers,
            start_method=start_method,
        )
        loader.load_state_dict(first.state_dict())
        for step, batch in enumerate(loader):
            steps.setdefault(step, []).append(batch)
    assert [torch.cat(parts, dim=1).tolist() for parts in steps.values()] == expected(48, 16, len(steps))
    wait_for_no_children()


def test_a_restart_may_change_the_batch_size() -> None:
    loader = SampleLoader(triples, ORDER, batch_size=7, endless=True)
    loader.load_state_dict(ORDER.state(16))
    assert next(iter(loader)).tolist() == expected(16, 7, 1)[0]


def test_loops_are_epochs_without_a_missing_or_double_sample() -> None:
    """10 rows in batches of 4: 12 positions, then 8, then 12: the last batch goes on into the next epoch."""
    order = SampleOrder([10], seed=0)
    loader = SampleLoader(triples, order, batch_size=4)
    lengths, loops = [], []
    for _ in range(3):
        lengths.append(len(loader))
        loops.append(list(loader))
    assert lengths == [len(loop) for loop in loops] == [3, 2, 3]
    assert all(batch.shape == (3, 4) for loop in loops for batch in loop)
    positions = torch.cat([batch[2] for loop in loops for batch in loop])
    assert positions.tolist() == list(range(32))
    rows = torch.cat([batch[1] for loop in loops for batch in loop])
    assert all(sorted(epoch.tolist()) == list(range(10)) for epoch in rows[:30].reshape(3, 10))


def test_a_loop_after_a_state_is_the_rest_of_the_epoch() -> None:
    loader = SampleLoader(triples, SampleOrder([10], seed=0), batch_size=4)
    loader.load_state_dict(loader.order.state(4))
    assert (len(loader), len(list(loader))) == (2, 2)
    assert (len(loader), len(list(loader))) == (2, 2)


@pytest.mark.parametrize(("epoch_of", "end"), [(None, 90), (0, 88), (1, 76)])
def test_one_source_counts_the_epochs(epoch_of: int | None, end: int) -> None:
    loader = SampleLoader(triples, ORDER, batch_size=4, epoch_of=epoch_of)
    assert 4 * len(list(loader)) == -(-ORDER.epoch_end(0, source=epoch_of) // 4) * 4
    assert abs(loader.position - end) <= 4


def test_an_endless_loader_has_no_length_and_no_end() -> None:
    loader = SampleLoader(triples, SampleOrder([3]), batch_size=4, endless=True)
    with pytest.raises(TypeError, match="expected a loader with an end; got endless=True"):
        len(loader)
    for _ in zip(range(50), loader, strict=False):
        pass
    assert loader.position >= 200


@pytest.mark.parametrize(("workers", "start_method"), [(0, None), (2, "fork"), (1, "spawn")])
def test_an_error_of_take_names_the_batch_and_ends_the_workers(workers: int, start_method: str | None) -> None:
    loader = SampleLoader(fail_at_40, ORDER, batch_size=8, workers=workers, start_method=start_method)
    message = r"^the batch of positions 40 to 47: expected an image in row \d+; got a page\n"
    with pytest.raises(ValueError, match=message) as raised:
        list(loader)
    assert loader.position == 40
    assert "\n" not in str(raised.value)
    assert "in fail_at_40" in "".join(raised.value.__notes__)
    wait_for_no_children()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("take", "message"),
    [
        (fail_with_a_strange_error, "the batch of positions 0 to 7: StrangeError: strange"),
        (end_without_an_item, "the batch of positions 0 to 7: StopIteration"),
    ],
)
def test_an_error_of_any_type_comes_through(take: Callable[..., Any], message: str, workers: int) -> None:
    loader = SampleLoader(take, ORDER, batch_size=8, workers=workers, start_method="fork")
    with pytest.raises(RuntimeError, match=message):
        next(iter(loader))
    wait_for_no_children()


def test_workers_make_no_batch_after_the_end_of_the_epoch(tmp_path: Path) -> None:
    def take(_sources: np.ndarray, _rows: np.ndarray, positions: np.ndarray) -> None:
        with (tmp_path / "made").open("a") as made:
            made.write(f"{positions[0]} ")

    list(SampleLoader(take, SampleOrder([8]), batch_size=4, workers=1, start_method="fork", prefetch=4))
    assert (tmp_path / "made").read_text() == "0 4 "


def test_a_worker_that_dies_is_one_clear_error() -> None:
    loader = SampleLoader(die_at_40, ORDER, batch_size=8, workers=2, start_method="fork")
    with pytest.raises(RuntimeError, match=r"expected the batch of positions .* a worker process died"):
        list(loader)
    assert loader.position <= 40
    wait_for_no_children()


def test_a_take_that_cannot_be_sent_is_refused_before_a_process_starts() -> None:
    loader = SampleLoader(lambda *_: 0, ORDER, batch_size=8, workers=1, start_method="spawn")
    with pytest.raises(TypeError, match=r"expected a take that can be sent to worker processes; got .*lambda"):
        next(iter(loader))


def test_a_batch_that_cannot_be_sent_is_refused() -> None:
    loader = SampleLoader(give_what_cannot_be_sent, ORDER, batch_size=8, workers=1, start_method="fork")
    with pytest.raises(
        TypeError, match=r"0 to 7: expected a batch that can be sent from worker processes; got .*lambda"
    ):
        next(iter(loader))
    assert next(iter(SampleLoader(give_what_cannot_be_sent, ORDER, batch_size=8)))() == 5


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_program_that_stops_early_ends_in_time_and_leaves_no_process(tmp_path: Path, start_method: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        f"""
from unicl.data import SampleLoader, SampleOrder
def take(sources, rows, positions):
    return rows
if __name__ == "__main__":
    import multiprocessing
    order = SampleOrder([100])
    loader = SampleLoader(take, order, batch_size=4, workers=2, start_method="{start_method}", endless=True)
    batches = iter(loader)
    next(batches)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
""",
        encoding="utf-8",
    )
    answer = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=240, check=True)
    children = [int(child) for child in answer.stdout.split()]
    assert len(children) == 2
    assert answer.stderr == ""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_two_loops_at_once_are_refused() -> None:
    loader = SampleLoader(triples, ORDER, batch_size=8)
    one, other = iter(loader), iter(loader)
    next(one)
    next(other)
    with pytest.raises(RuntimeError, match="expected one loop over the loader at a time"):
        next(one)
    loader.load_state_dict(ORDER.state(0))
    with pytest.raises(RuntimeError, match="got another loop or a new state: start a new one"):
        next(other)


def test_the_loader_leaves_the_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    list(SampleLoader(triples, ORDER, batch_size=8, workers=1, start_method="fork"))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_ranks_come_from_torch_distributed(tmp_path: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        loader = SampleLoader(triples, ORDER, batch_size=8)
    finally:
        torch.distributed.destroy_process_group()
    assert (loader.rank, loader.world_size) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 1}, "expected rank and world_size together; got rank=1, world_size=None"),
        ({"rank": 2, "world_size": 2}, "expected a rank from 0 to world_size - 1; got rank=2, world_size=2"),
        ({"rank": 0, "world_size": 9}, "expected a batch of at least one sample a rank, 9; got 8"),
        ({"workers": -1}, "expected workers >= 0; got -1"),
        ({"prefetch": 0}, "expected prefetch >= 1; got 0"),
        ({"epoch_of": 2}, "expected a source from 0 to 1; got 2"),
        ({"workers": 1, "start_method": "thread"}, "expected start_method fork, .*got 'thread'"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SampleLoader(triples, ORDER, batch_size=8, **options)


def test_a_take_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match=r"expected take\(sources, rows, positions\) or an object with it; got 5"):
        SampleLoader(5, ORDER, batch_size=8)


def test_a_state_of_other_data_is_refused() -> None:
    loader = SampleLoader(triples, ORDER, batch_size=8)
    with pytest.raises(ValueError, match="lengths, weights or label blocks of the sources have changed"):
        loader.load_state_dict(SampleOrder([30, 51], weights=[1, 2], seed=5).state(8))
