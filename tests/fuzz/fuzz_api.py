"""A long run of requests against the API, made from its own description: ``make fuzz-api``.

Prints one line an operation and mode; ends with status 1 where an answer did not keep to the description.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import api_schema
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from cews.store import migrations
from cews.store.engine import connect


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="requests an operation and mode, at most")
    examples = parser.parse_args().examples
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/cews.sqlite3")
        migrations.upgrade(engine)
        schema, secret = api_schema.described(engine)
        for found in schema.get_all_operations():
            for mode in GenerationMode:
                failed += not _held(found.ok(), secret, mode, examples)
        engine.dispose()
    return 1 if failed else 0


def _held(operation: api_schema.Operation, secret: str, mode: GenerationMode, examples: int) -> bool:
    try:
        api_schema.hold(operation, secret, mode, examples, fixed=False)
    except FailureGroup as failures:
        print(f"FAILED  {operation.label} {mode.value}\n{failures}", flush=True)
        return False
    print(f"ok      {operation.label} {mode.value}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
