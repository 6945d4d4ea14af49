"""The API keeps to its own description: requests made from it, good and bad, and the answers held against it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import api_schema
import pytest
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema

from cews.store.engine import connect

EXAMPLES = 3  # of each operation; tests/fuzz has a long run
OPERATIONS = 24  # at least; otherwise the test would pass without asking anything


@pytest.fixture(scope="module")
def described(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BaseSchema, str]]:
    path = tmp_path_factory.mktemp("api-schema") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    yield api_schema.described(engine)
    engine.dispose()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
def test_every_operation_keeps_to_its_description(described: tuple[BaseSchema, str], mode: GenerationMode) -> None:
    schema, secret = described
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= OPERATIONS
    for operation in operations:
        api_schema.hold(operation, secret, mode, EXAMPLES)
