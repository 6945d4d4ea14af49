"""A dependence that has come back as an alert: raised once, told, closed; beside alerts of shocks and apart from them.

The world is constructed urea: 83 % from one supplier, three months of crisis, 72 % for a year, 88 % since.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from invariants import broken
from mail_server import Mailbox, mail_server
from notice_world import add_reader

from cews import extracts, ingesting, outbox, pipeline, policy, relapses, second_eyes, triage
from cews.domain import AlertChange, AlertState, ChangeKind, Flow, Grade, ItemKey, Level, NoticeReason, Period
from cews.domain import ShockClass as Shock
from cews.handling import Outcome
from cews.notify.smtp import SmtpChannel
from cews.panel import History
from cews.store import alert_lines, events, migrations, notices, watchlist
from cews.store import alerts as stored
from cews.store.alert_lines import AlertFilter
from cews.store.engine import Engine, connect, reading, writing
from cews.store.watchlist import WatchItem

UREA = ItemKey("KOR", Flow.IMPORT, "310210")
START = Period.of(2019, 1)
BACK = Period.of(2023, 7)  # the year's share is ten points above its lowest
OVER = BACK + 14  # a year of it, and three months without


def written(path: Path, months: int, *, crisis: float = 0.4, dip: Period | None = None) -> Path:
    """Two suppliers, a tenth more or less by the season; of ``dip`` nearly nothing came from anywhere."""
    share = np.array([0.83] * 36 + [0.72] * 14 + [0.88] * 60)[:months]
    total = 3e7 * (1 + 0.1 * np.sin(2 * np.pi * np.arange(months) / 12))
    china = share * total * np.where((np.arange(months) // 3) == 12, crisis, 1.0)
    others = total - share * total
    if dip is not None:
        china[dip - START], others[dip - START] = 0.05 * china[dip - START], 0.05 * others[dip - START]
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reporter", "flow", "hs", "partner", "period", "value_usd", "net_weight_kg"])
        for n, legs in enumerate(zip(china, others, strict=True)):
            for partner, kg in zip(("CHN", "VNM"), legs, strict=True):
                rows.writerow(["KOR", "import", UREA.hs, partner, str(START + n), round(0.4 * kg), round(kg)])
    return path


def store(engine: Engine, folder: Path, months: int, *, grade: Grade | None = Grade.A, **course: object) -> History:
    """A store that was back-filled with the months, each known since its own publication."""
    file = written(folder / "urea.csv", months, **course)  # type: ignore[arg-type]
    ingesting.ingest_file(engine, folder, file, "tidy", now=datetime.fromisoformat("2026-11-01T00:00:00Z"))
    if grade is not None:
        with writing(engine) as cx:
            watchlist.put_items(cx, [WatchItem(UREA, "요소", "Urea", grade)])
    return History.load(engine, None, [UREA])


def scans(engine: Engine, history: History, *months: Period) -> list[AlertChange]:
    """Scan as the months are published; returns the changes of slow alerts."""
    changes: list[AlertChange] = []
    for month in months:
        known = history.publication(month)
        assert known is not None
        changes += [change for _, change in scan(engine, known).slow.changes]
    return changes


def scan(engine: Engine, as_of: datetime, *, record: bool = True) -> pipeline.Step:
    return pipeline.scan(engine, as_of, now=as_of, items="all", budget=5.0, record=record)


def kinds(changes: Sequence[AlertChange]) -> list[tuple[str, str]]:
    """What happened, and in which month; months that merely went on are left out."""
    return [(change.kind.value, str(change.period)) for change in changes if change.kind is not ChangeKind.CONTINUED]


def test_it_is_raised_once_stands_for_a_year_and_is_closed(store_engine: Engine, tmp_path: Path) -> None:
    history = store(store_engine, tmp_path, 76)
    add_reader(store_engine)
    changes = scans(store_engine, history, BACK + -1, BACK, BACK + 1, BACK + 5, OVER + 1)
    assert kinds(changes) == [("opened", str(BACK)), ("closed", str(OVER))]
    opened = changes[0]
    assert opened.finding is not None
    assert (opened.shock, opened.partner, opened.level_after) == (Shock.DEPENDENCE_RELAPSE, "CHN", Level.ATTENTION)
    assert opened.finding.upper == pytest.approx(0.83, abs=0.01)
    assert opened.finding.probabilities == {}
    known = {reason.code: reason.numbers for reason in opened.reasons}
    assert known["relapse"]["period"] == str(BACK)
    assert known["relapse"]["peak_period"] < known["relapse"]["lowest_period"] < str(BACK)  # type: ignore[operator]
    volume = known["relapse_volume"]
    assert volume["observed"] / volume["total"] == pytest.approx(opened.finding.observed, rel=1e-6)  # type: ignore[operator]
    with reading(store_engine) as cx:
        (alert,) = [one for one in stored.alerts(cx, opened.as_of + timedelta(days=900)) if one.shock is opened.shock]
        assert alert.id is not None
        assert alert.state is AlertState.CLOSED
        told = notices.told_of(cx, alert.id)
        assert [one.reason for one in told if one.reason is not NoticeReason.REPEAT] == [
            NoticeReason.FIRST,
            NoticeReason.RESOLVED,
        ]
        assert [one.state for one in stored.alerts(cx, opened.as_of)] == [AlertState.OPEN], "as it was known then"
        assert broken(cx) == []


def test_the_alert_of_a_shock_opens_beside_it_and_neither_touches_the_other(
    store_engine: Engine, tmp_path: Path
) -> None:
    dip = BACK + 5
    history = store(store_engine, tmp_path, 76, dip=dip)
    add_reader(store_engine)
    changes = scans(store_engine, history, BACK, dip)
    assert kinds(changes) == [("opened", str(BACK))]
    with reading(store_engine) as cx:
        now = history.publication(dip)
        assert now is not None
        (shock,), (slow,) = stored.open_alerts(cx).values(), stored.open_alerts(cx, slow=True).values()
        assert shock.shock is not Shock.DEPENDENCE_RELAPSE
        assert slow.shock is Shock.DEPENDENCE_RELAPSE
        assert shock.id is not None
        assert slow.id is not None
        assert {notices.told_of(cx, number)[0].reason for number in (shock.id, slow.id)} == {NoticeReason.FIRST}
        line = alert_lines.item_alert(cx, now, UREA)
        assert line is not None
        assert line.id == shock.id
        assert alert_lines.open_levels(cx, now) == {UREA: shock.level}
        assert [member.alert_id for member in events.open_members(cx)] == [shock.id]
        relapsed = AlertFilter(shocks=(Shock.DEPENDENCE_RELAPSE,))
        (found,) = alert_lines.find_alerts(cx, now, relapsed)
        assert found.change is None
        assert second_eyes.of_alert(cx, replace(found, level=Level.SEVERE), now) == ()
        assert broken(cx) == []
    triage.close(store_engine, slow.id, Outcome.KNOWN, actor="kim", now=now)
    with reading(store_engine) as cx:
        handled = {line.id: line.handling.stage.value for line in alert_lines.find_alerts(cx, now, AlertFilter())}
    assert handled == {shock.id: "new", slow.id: "closed"}


def test_the_shock_engine_says_the_same_with_and_without_it(sqlite_engine: Engine, tmp_path: Path) -> None:
    dip = BACK + 3
    history = store(sqlite_engine, tmp_path, 76, dip=dip)
    as_of = history.publication(dip)
    assert as_of is not None
    with_it = scan(sqlite_engine, as_of, record=False)
    heading, told, rest = policy.shipped().partition("[relapses]")
    rules = heading + told + rest.replace('level = "attention"', 'level = "never"', 1)
    policy.load(sqlite_engine, rules, "no relapses", author="kim", now=as_of)
    without = scan(sqlite_engine, as_of, record=False)
    assert (len(with_it.slow.changes), without.slow.changes) == (1, ())
    assert with_it.changes == without.changes
    assert with_it.detection.findings == without.detection.findings
    assert with_it.detection.expected_false_alarms == without.detection.expected_false_alarms


@pytest.mark.parametrize(
    ("months", "raised"),
    [(BACK - START + 4, 1), (BACK - START + 5, 0), (84, 0)],
    ids=["begun three months before", "four", "long over"],
)
def test_the_first_scan_of_a_backfilled_store_raises_what_is_fresh_and_nothing_old(
    sqlite_engine: Engine, tmp_path: Path, months: int, raised: int
) -> None:
    history = store(sqlite_engine, tmp_path, months)
    newest = START + (months - 1)
    assert kinds(scans(sqlite_engine, history, newest)) == [("opened", str(newest))] * raised
    assert scans(sqlite_engine, history, newest) == [], "the same month says nothing new"


@pytest.mark.parametrize("grade", [None, Grade.C, Grade.D], ids=["not watched", "C", "D"])
def test_only_items_the_policy_names_are_raised(sqlite_engine: Engine, tmp_path: Path, grade: Grade | None) -> None:
    history = store(sqlite_engine, tmp_path, 60, grade=grade)
    assert scans(sqlite_engine, history, BACK) == []
    as_of = history.publication(BACK)
    assert as_of is not None
    assert [back.item for back in relapses.known(sqlite_engine, as_of, None)] == [UREA], "the list has it all the same"


def test_a_revision_that_takes_it_away_withdraws_it(sqlite_engine: Engine, tmp_path: Path) -> None:
    history = store(sqlite_engine, tmp_path, BACK - START + 1)
    assert kinds(scans(sqlite_engine, history, BACK)) == [("opened", str(BACK))]
    later = datetime.fromisoformat("2026-11-02T00:00:00Z")
    revised = written(tmp_path / "revised.csv", BACK - START + 1, crisis=0.95)
    ingesting.ingest_file(sqlite_engine, tmp_path, revised, "tidy", now=later)
    assert kinds([change for _, change in scan(sqlite_engine, later).slow.changes]) == [("retracted", str(BACK))]


def test_a_replay_of_then_says_what_was_said_then(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Later months change nothing of what an earlier one said, and a replay writes nothing."""
    short = connect(f"sqlite:///{tmp_path}/short.sqlite3")
    migrations.upgrade(short)
    (tmp_path / "short").mkdir()
    lived = scans(short, store(short, tmp_path / "short", BACK - START + 3), BACK + -1, BACK, BACK + 1, BACK + 2)
    store(sqlite_engine, tmp_path, 76)
    steps = pipeline.replay(sqlite_engine, BACK + -1, OVER, budget=5.0)
    replayed = [change for step in steps for _, change in step.slow.changes]
    assert kinds(replayed) == [("opened", str(BACK)), ("closed", str(OVER))]
    assert replayed[: len(lived)] == lived
    with reading(sqlite_engine) as cx:
        assert stored.open_alerts(cx, slow=True) == {}


def test_the_mail_and_the_files_tell_it_in_words(sqlite_engine: Engine, tmp_path: Path) -> None:
    history = store(sqlite_engine, tmp_path, 60)
    add_reader(sqlite_engine, "desk@example.org", "ko")
    add_reader(sqlite_engine, "desk@example.com", "en")
    scans(sqlite_engine, history, BACK)
    as_of, mailbox = history.publication(BACK), Mailbox()
    assert as_of is not None
    with mail_server(mailbox) as url:
        channel = SmtpChannel(url, "C-EWS <cews@example.org>", timeout=10)
        outbox.send_due(
            sqlite_engine,
            {"email": channel},
            owner="a",
            clock=lambda: as_of + timedelta(hours=3),
            public_url="http://ews.example.org",
            zone="Asia/Seoul",
            limit=9,
        )
    texts = {message["To"]: message for message in mailbox.messages}
    assert len(texts) == 2
    korean, english = (next(m for to, m in texts.items() if end in to) for end in (".org>", ".com>"))
    assert korean["Subject"].startswith("[관심] 요소 중국산 수입 의존도 재상승")
    assert english["Subject"].startswith("[Attention] Urea: renewed dependence on imports from China")
    words = " ".join(english.get_body(("plain",)).get_content().split())
    assert "after it had broken down" in words
    assert "Share before" in words
    assert "Against expected" not in words
    assert "look for a second supplier" in words
    table = tmp_path / "alerts.csv"
    extracts.write("alerts", "csv", table, extracts.Asked(sqlite_engine, as_of, "en", tmp_path))
    (row,) = csv.DictReader(io.StringIO(table.read_text("utf-8-sig")))
    assert (row["class"], row["class_name"], row["change"]) == ("dependence_relapse", "Dependence relapse", "")
    assert row["reason_codes"].startswith("relapse")


@pytest.mark.shared
def test_gas_of_luxembourg_comes_back_from_belgium(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Real trade: 90.5 % in 2020, 65.6 % after a breakdown in 2021, and back; each month knows only what was out."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "energy"
    path = path / "eurostat_gas_lng_products_coal_tidy.csv.gz"
    if not path.exists():
        pytest.skip("no research data beside the checkout")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        mine = [row for row in rows if (row["reporter"], row["flow"], row["hs"]) == ("LUX", "import", "2711")]
    with (tmp_path / "gas.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(mine[0]))
        writer.writeheader()
        writer.writerows(mine)
    now = datetime.fromisoformat("2026-11-01T00:00:00Z")
    ingesting.ingest_file(sqlite_engine, tmp_path, tmp_path / "gas.csv", "tidy", now=now)
    gas = ItemKey("LUX", Flow.IMPORT, "2711")
    with writing(sqlite_engine) as cx:
        watchlist.put_items(cx, [WatchItem(gas, "가스", "Gas", Grade.A)])
    steps = pipeline.replay(sqlite_engine, Period.of(2021, 10), Period.of(2022, 3), budget=5.0)
    changes = [change for step in steps for _, change in step.slow.changes]
    assert kinds(changes) == [("opened", "2021-12")]
    finding = changes[0].finding
    assert finding is not None
    assert (finding.partner, round(finding.upper, 3), round(finding.lower, 3)) == ("BEL", 0.905, 0.656)
