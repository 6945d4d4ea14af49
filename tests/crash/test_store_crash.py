"""A process killed while it records leaves whole releases, or nothing of them; the next one simply goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select, text

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow
from cews.store import raw, releases, schema
from cews.store.engine import connect, reading, writing

RELEASES = 20
KILLS = 4
MONTHS = tuple(range(202301, 202313))
PARTNERS = [f"P{n:02}" for n in range(12)]
START = datetime(2024, 1, 1, tzinfo=UTC)


def frame(number: int) -> pd.DataFrame:
    """Release ``number`` revises every month of a third of the partners and drops one partner."""
    cells = [(partner, period) for partner in PARTNERS for period in MONTHS if partner != PARTNERS[number % 12]]
    table = pd.DataFrame(cells, columns=["partner", "period"])
    revised = [number if int(partner[1:]) % 3 == number % 3 else 0 for partner in table["partner"]]
    return table.assign(
        reporter="KOR",
        flow="import",
        hs="250410",
        value_usd=np.array(revised, dtype=float),
        net_weight_kg=1.0,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="",
    )[list(OBSERVATION_COLUMNS)]


def record_all(url: str) -> None:
    """What the killed process does: record what is not yet recorded."""
    engine = connect(url)
    with reading(engine) as cx:
        done = cx.execute(select(func.count()).select_from(schema.release)).scalar_one()
    print("ready", flush=True)
    for number in range(done, RELEASES):
        at, sha256 = START + timedelta(days=number), f"{number:064}"
        with writing(engine) as cx:
            raw.put(cx, sha256, "kcs", "", at, 0, "")
            new = releases.NewRelease("kcs", sha256, "", at)
            releases.record(cx, new, frame(number), [Coverage("KOR", Flow.IMPORT, ("250410",), MONTHS)])


def contents(url: str) -> list[tuple[object, ...]]:
    """Every version, after checking that releases are whole and no two versions are current or overlap."""
    engine = connect(url)
    rows = schema.observation
    with reading(engine) as cx:
        assert cx.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        written = dict(cx.execute(select(rows.c.release_id, func.count()).group_by(rows.c.release_id)).all())
        closed = dict(cx.execute(select(rows.c.closed_by, func.count()).group_by(rows.c.closed_by)).all())
        for release in cx.execute(select(schema.release)):
            assert release.rows_new + release.rows_changed == written.pop(release.id, 0)
            assert release.rows_vanished <= closed.get(release.id, 0) <= release.rows_vanished + release.rows_changed
        assert not written
        versions = cx.execute(
            select(rows.c["series_id", "period", "known_from", "known_to", "value_usd"]).order_by(
                rows.c.series_id, rows.c.period, rows.c.known_from
            )
        ).all()
    engine.dispose()
    for earlier, later in pairwise(versions):
        if earlier[:2] == later[:2]:
            assert earlier.known_to is not None
            assert earlier.known_to <= later.known_from
    return [tuple(version) for version in versions]


@pytest.mark.parametrize("seed", range(2))
def test_killed_while_recording(sqlite_template: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    killed, whole = (f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("killed", "whole"))
    for name in ("killed", "whole"):
        (tmp_path / f"{name}.sqlite3").write_bytes(sqlite_template.read_bytes())
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, __file__, killed], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.0, 0.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        contents(killed)
    record_all(killed)
    record_all(whole)
    assert contents(killed) == contents(whole)


if __name__ == "__main__":
    record_all(sys.argv[1])
