"""Loads batches in a given order with worker processes: torch's DataLoader over positions, and an exact state."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch
from torch import distributed
from torch.utils.data import DataLoader, Dataset, get_worker_info

from unicl.data.batch import Batch
from unicl.data.order import rank_positions
from unicl.data.skipped_samples import SkippedSamples

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unicl.data.order import SampleOrder

T = TypeVar("T")
START_METHODS = ("fork", "spawn", "forkserver")


class SampleLoader(Generic[T]):
    """Batches in the order of a :class:`unicl.data.SampleOrder`, made by worker processes.

    A ``for`` loop over it is one epoch. The next loop is the next epoch. A loop after :meth:`load_state_dict` is the
    rest of an epoch. All batches are of the same size: the last batch of an epoch goes on into the next epoch, which
    then begins after it. So no sample is dropped, and none comes twice. The batches are the same for any number of
    workers. The ranks share each global batch, so they are the same for any number of ranks, too.

    Args:
        take: Makes a batch: ``take(sources, rows, positions)``, each an int64 array (n,). Or an object with such a
            method ``take``. It must pickle for workers that are not forked. If it uses ``positions`` instead of random
            state, a batch depends on nothing but the order.
        order: The order.
        batch_size: The samples of a batch over all ranks.
        rank: The rank of this process. None: as torch.distributed has it; 0 without it.
        world_size: The number of ranks. None: as torch.distributed has it; 1 without it.
        epoch_of: The source whose epochs end a loop. None: a loop ends when every source has ended its epoch.
        endless: Whether a loop never ends.
        workers: The worker processes. 0: this process makes the batches.
        start_method: ``"fork"``, ``"spawn"`` or ``"forkserver"``. None: the default of torch.
        pin_memory: Whether to copy batches to pinned memory. Without CUDA it has no effect.
        prefetch: The batches that each worker makes ahead.
        skipped: Counts the bad samples of each :class:`unicl.data.Batch`, and has the limits. None: its defaults.

    Attributes:
        position: The first position after the batches that the consumer got.
        skipped: The bad samples up to there, of this rank. A batch without a good sample is not yielded.

    Raises:
        ValueError: A number is out of range, or only one of rank and world size is given.
        TypeError: ``take`` cannot be called.

    Example:
        >>> from unicl.data import SampleOrder
        >>> def take(sources, rows, positions):
        ...     return rows
        >>> loader = SampleLoader(take, SampleOrder([10], seed=0), batch_size=4)
        >>> sum(len(batch) for batch in loader), loader.state_dict()["position"], len(loader)
        (12, 12, 2)
    """

    def __init__(
        self,
        take: Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], T] | Any,
        order: SampleOrder,
        *,
        batch_size: int,
        rank: int | None = None,
        world_size: int | None = None,
        epoch_of: int | None = None,
        endless: bool = False,
        workers: int = 0,
        start_method: str | None = None,
        pin_memory: bool = False,
        prefetch: int = 2,
        skipped: SkippedSamples | None = None,
    ) -> None:
        self._take = getattr(take, "take", take)
        if not callable(self._take):
            raise TypeError(f"expected take(sources, rows, positions) or an object with it; got {take!r}")
        self.order, self.batch_size, self.position = order, batch_size, 0
        self.rank, self.world_size = rank_and_world_size(rank, world_size)
        if batch_size < self.world_size:
            raise ValueError(f"expected a batch of at least one sample a rank, {self.world_size}; got {batch_size}")
        for name, number, least in (("workers", workers, 0), ("prefetch", prefetch, 1)):
            if number < least:
                raise ValueError(f"expected {name} >= {least}; got {number}")
        if start_method not in (None, *START_METHODS):
            raise ValueError(f"expected start_method {', '.join(START_METHODS)} or None; got {start_method!r}")
        order.epoch_end(0, source=epoch_of)  # refuses an unknown source now
        self._epoch_of, self._endless = epoch_of, endless
        self._workers, self._start_method = workers, start_method if workers else None
        self._pin_memory, self._prefetch = pin_memory, prefetch
        self.skipped = SkippedSamples() if skipped is None else skipped
        self._loop: object = None

    def __iter__(self) -> Iterator[T]:
        """Yields the batches up to the end of the epoch. Worker processes end with the loop, also with an early end.

        Raises:
            RuntimeError: A worker died, or the loader was moved by another loop or by :meth:`load_state_dict`.
            ValueError: There are too many bad samples, or of several ranks one has no good sample.
            Exception: ``take`` raised an error: ValueError, TypeError, OSError and MemoryError as such, others as
                RuntimeError. The message has the positions of the batch.
        """
        loop = self._loop = object()
        starts = self._starts()
        batches = self._start_workers(starts)
        try:
            for start in starts:
                if self._loop is not loop:
                    raise RuntimeError(
                        "expected one loop over the loader at a time; got another loop or a new state: start a new one"
                    )
                batch = self._receive(batches, start)
                self.position = start + self.batch_size
                if not isinstance(batch, Batch) or self._count(batch, start):
                    yield batch
        finally:
            _end_workers(batches)

    def __len__(self) -> int:
        """Gives the number of batches up to the end of the epoch."""
        if self._endless:
            raise TypeError("expected a loader with an end; got endless=True, which has no length")
        return len(self._starts())

    def state_dict(self) -> dict[str, Any]:
        """Gives the state after the last batch that the consumer got: seed, position, and a fingerprint of the data.

        It does not depend on ranks, workers or the batch size, and all of them may change at a restart.
        """
        return self.order.state(self.position)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state.

        Raises:
            ValueError: The state is of another seed or of other data.
        """
        self.position, self._loop = self.order.position(state), None

    def _starts(self) -> range:
        """The first positions of the batches of this loop."""
        end = 2**50
        if not self._endless:
            epoch = self.order.epoch_at(self.position, source=self._epoch_of)
            end = self.order.epoch_end(epoch, source=self._epoch_of)
        return range(self.position, end, self.batch_size)

    def _start_workers(self, starts: range) -> Iterator[T | _Failure]:
        if self._workers and (self._start_method or multiprocessing.get_start_method()) != "fork":
            wanted = "a take that can be sent to worker processes"
            _check_pickles(self._take, wanted, 'or use start_method="fork"')
        places = _Places(self.order, starts, self.rank, self.world_size)
        return iter(
            DataLoader(
                _Batches(self._take),
                batch_size=None,
                sampler=places,
                num_workers=self._workers,
                prefetch_factor=self._prefetch if self._workers else None,
                multiprocessing_context=self._start_method,
                pin_memory=self._pin_memory and torch.cuda.is_available(),
                collate_fn=_as_it_is,
                generator=torch.Generator(),  # or the loader would draw from the global random state
            )
        )

    def _count(self, batch: Batch, start: int) -> bool:
        """Counts the bad samples of a batch, and tells whether it has a good one."""
        good = len(batch.images)
        self.skipped.record(good + len(batch.bad), batch.bad)
        if not good and self.world_size > 1:  # the other ranks make a step, and would wait for this one
            raise ValueError(
                f"the batch of positions {start} to {start + self.batch_size - 1}: expected a good sample on every "
                f"rank; got none of {len(batch.bad)} on rank {self.rank}, and {self.skipped}: use larger batches"
            )
        return good > 0

    def _receive(self, batches: Iterator[T | _Failure], start: int) -> T:
        where = f"the batch of positions {start} to {start + self.batch_size - 1}"
        try:
            batch = next(batches)
        except RuntimeError as error:  # DataLoader's, as errors of take arrive as _Failure
            raise RuntimeError(
                f"expected {where}; a worker process died, or could not send it: {str(error).splitlines()[0]} "
                f"If memory is short, use fewer workers"
            ) from error
        if isinstance(batch, _Failure):
            raise batch.error(where)
        return batch


@dataclass(frozen=True)
class _Places:
    """Gives the arguments of ``take`` of this rank, batch by batch. The main process computes them."""

    order: SampleOrder
    starts: range
    rank: int
    world_size: int

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        size = self.starts.step
        for start in self.starts:
            positions = rank_positions(start, batch_size=size, rank=self.rank, world_size=self.world_size)
            yield *self.order.take(positions), positions


class _Batches(Dataset[Any]):
    def __init__(self, take: Callable[..., Any]) -> None:
        self._take, self._is_checked = take, False

    def __getitem__(self, place: tuple[Any, Any, Any]) -> Any:
        try:
            batch = self._take(*place)
            if not self._is_checked and get_worker_info():
                # torch would print the error and wait for the batch for ever. One check a worker finds the kind.
                _check_pickles(batch, "a batch that can be sent from worker processes", "or use workers=0")
            self._is_checked = True
            return batch
        except Exception as error:
            return _Failure.of(error)


@dataclass(frozen=True)
class _Failure:
    """An error of ``take``, in a form that every process can send."""

    kind: type[Exception]
    message: str
    trace: str

    @classmethod
    def of(cls, error: Exception) -> _Failure:
        kinds = (ValueError, TypeError, OSError, MemoryError)
        kind = next((kind for kind in kinds if isinstance(error, kind)), RuntimeError)
        message = f"{type(error).__name__}: {error}" if kind is not type(error) else str(error)
        worker = get_worker_info()
        trace = f"in worker {worker.id}, process {os.getpid()}:\n" if worker else ""
        return cls(kind, message, trace + "".join(traceback.format_exception(error)))

    def error(self, where: str) -> Exception:
        error = self.kind(f"{where}: {self.message}")
        error.add_note(self.trace)
        return error


def _end_workers(batches: Iterator[Any]) -> None:
    """Ends the workers now. Without this they would live as long as the traceback of an error."""
    getattr(batches, "_shutdown_workers", lambda: None)()


def _as_it_is(batch: T) -> T:
    return batch


def rank_and_world_size(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Gives the rank and the number of ranks: those of torch.distributed if they are not given.

    Raises:
        ValueError: Only one is given, or the rank is not below the number of ranks.
    """
    if (rank is None) != (world_size is None):
        raise ValueError(f"expected rank and world_size together; got rank={rank}, world_size={world_size}")
    if rank is None or world_size is None:
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return 0, 1
    if not 0 <= rank < world_size:
        raise ValueError(f"expected a rank from 0 to world_size - 1; got rank={rank}, world_size={world_size}")
    return rank, world_size


def _check_pickles(value: Any, wanted: str, remedy: str) -> None:
    """Refuses what another process could not get."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        try:
            pickle.Pickler(nowhere).dump(value)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"expected {wanted}; got {error}: make it of arrays, tensors or plain data, and of "
                f"functions and classes at the top level of a module, {remedy}"
            ) from error
