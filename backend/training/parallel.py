"""Data-parallel training: several processes that `torchrun` started, or this one alone.

Needs torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Team:
    """The processes that train together; `rank` is this one's number."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and shows progress for all."""
        return self.rank == 0

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return this process's part of some items: every `size`-th."""
        return items[self.rank :: self.size]

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()

    def sums(self, *values: float) -> list[float]:
        """Return sums over the processes."""
        total = torch.tensor(values, dtype=torch.float64)
        if self.size > 1:
            device = "cuda" if torch.cuda.is_available() else "cpu"
            total = total.to(device)
            distributed.all_reduce(total)
        return [float(value) for value in total.tolist()]

    def woven(self, values: Sequence[float]) -> list[float]:
        """Return what the processes found for their shares, in the order of all items."""
        if self.size == 1:
            return list(values)
        parts: list[Any] = [None] * self.size
        distributed.all_gather_object(parts, list(values))
        found = [0.0] * sum(map(len, parts))
        for rank, part in enumerate(parts):
            found[rank :: self.size] = part
        return found

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return the network with its gradients averaged over the processes."""
        if self.size == 1:
            return network
        return nn.parallel.DistributedDataParallel(network)

    def same_buffers(self, network: nn.Module) -> None:
        """Give every process the leader's batch-norm statistics."""
        if self.size > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


ALONE = Team()


@contextmanager
def joined() -> Iterator[Team]:
    """Join the processes that `torchrun` started; one process alone where it did not."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
