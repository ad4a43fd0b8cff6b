"""Every repository passes the one contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.storage.inspection import inspect_file
from backend.storage.repository import Repository
from backend.storage.tinydb_repository import TinyDBRepository
from tests.memory_repository import MemoryRepository
from tests.storage.contract import RepositoryContract


class TestTinyDBRepository(RepositoryContract):
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Iterator[Repository]:
        """A repository in a file, which verifies after whatever the test did to it."""
        repository = TinyDBRepository(tmp_path / "store.sqlite3")
        yield repository
        repository.close()
        _, findings = inspect_file(tmp_path / "store.sqlite3")
        assert findings == []


class TestMemoryRepository(RepositoryContract):
    @pytest.fixture
    def repository(self) -> Repository:
        """A repository in memory, which the other tests may stand on."""
        return MemoryRepository()
