"""The demo: the world is built once, replayed in vintages, and scored without mercy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from shutil import copyfile

import pytest
from rich.console import Console
from sqlalchemy import Engine

from cews import demo
from cews.domain import AlertChange, ChangeKind, ItemKey, Level, Period, ShockClass, UserError
from cews.store import alerts as stored_alerts
from cews.store import notices, releases, watchlist
from cews.store.engine import connect, reading
from ingest import simulated

pytestmark = pytest.mark.timeout(900)  # one replay of seven years of months

NOW = datetime(2026, 11, 20, tzinfo=UTC)
UNTIL = simulated.SOURCE.presumed_known_from(simulated.END)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(sqlite_template: Path, home: Path) -> Iterator[Engine]:
    """The demo, played once from 2019 on: the shocks with the best documents lie there."""
    path = home / "demo.sqlite3"
    copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "REPLAY_FROM", Period.of(2019, 1))
        demo.build(engine, home, now=NOW)
        demo.run(engine, now=NOW)
        yield engine


@pytest.fixture(scope="module")
def score(played: Engine) -> demo.Score:
    later = [label for label in demo.episodes() if label.scored_from >= demo.REPLAY_FROM]
    return demo.score(played, later, UNTIL)


def of(score: demo.Score, label: str) -> demo.EpisodeResult:
    return next(result for result in score.results if result.episode.id == label)


# --- the world in the store -----------------------------------------------------------------------------


def test_a_second_call_changes_nothing(played: Engine, home: Path) -> None:
    def state() -> tuple[int, int]:
        with reading(played) as cx:
            return len(releases.listing(cx, 10_000)), len(stored_alerts.findings(cx, UNTIL))

    before = state()
    demo.build(played, home, now=NOW)
    demo.run(played, now=NOW)
    assert state() == before


def test_another_seed_is_refused_in_the_same_store(played: Engine, home: Path) -> None:
    with pytest.raises(UserError, match="another simulated world"):
        demo.build(played, home, seed=7, now=NOW)


def test_everything_is_marked_as_simulated(played: Engine) -> None:
    with reading(played) as cx:
        assert releases.simulated_sources(cx) == {"simulated", "simulated-flash"}
        assert all(alert.simulated for alert in stored_alerts.alerts(cx, UNTIL))


def test_the_watch_list_is_loaded_and_nobody_real_is_notified(played: Engine) -> None:
    with reading(played) as cx:
        assert len(watchlist.get_items(cx)) > 50
        assert {(r.language, r.active) for r in notices.recipients(cx)} == {("ko", False), ("en", False)}
        assert not any(notices.counts(cx).values())


def test_a_replay_that_was_cut_off_goes_on(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "REPLAY_FROM", Period.of(2026, 3))
    path = tmp_path / "cut.sqlite3"
    copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    demo.build(engine, tmp_path, now=NOW)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        demo.run(engine, now=NOW, progress=stop)
    demo.run(engine, now=NOW)
    with reading(engine) as cx:
        assert stored_alerts.newest_scanned(cx) == simulated.END


# --- episodes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["S01", "S05", "S07", "S17"], ids=["urea", "hydrogen fluoride", "neon", "graphite"])
def test_the_best_documented_episodes_are_raised(score: demo.Score, label: str) -> None:
    result = of(score, label)
    assert result.raised is not None
    assert result.level is not None


def test_most_decoys_stay_silent(score: demo.Score) -> None:
    silent = sum(result.raised is None for result in score.decoys)
    assert len(score.decoys) >= 18
    assert silent / len(score.decoys) >= 0.75


def test_alerts_outside_the_labels_keep_the_budget(score: demo.Score) -> None:
    assert score.months == simulated.END - demo.REPLAY_FROM + 1
    assert score.unlabelled / score.months <= 2 * demo.BUDGET


def test_nothing_is_raised_on_data_published_later(played: Engine) -> None:
    """A change speaks about a month only when that month is out."""
    with reading(played) as cx:
        for alert in stored_alerts.alerts(cx, UNTIL):
            assert alert.opened_as_of >= simulated.SOURCE.presumed_known_from(alert.opened_period)


@pytest.mark.parametrize(("language", "word"), [("en", "simulated"), ("ko", "모의")])
def test_tables_say_that_they_are_simulated_and_fit_100_columns(played: Engine, language: str, word: str) -> None:
    console = Console(width=100, file=StringIO(), force_terminal=False)
    demo.print_tables(console, played, language=language)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.count(word) >= 3
    for episode in demo.episodes():
        if episode.shock is not None:
            assert episode.names[language].split()[0] in shown


# --- scoring, on changes made up for it -----------------------------------------------------------------

GRAPHITE = ItemKey.parse("KOR:import:250410")
LABEL = next(label for label in demo.episodes() if label.id == "S17")
DECOY = next(label for label in demo.episodes() if label.id == "D12")


def change(
    month: str, shock: ShockClass, kind: ChangeKind = ChangeKind.OPENED, item: ItemKey = GRAPHITE
) -> AlertChange:
    period = Period.parse(month)
    as_of = simulated.SOURCE.presumed_known_from(period)
    return AlertChange(item, kind, as_of, period, None, Level.ALERT, shock, "CHN", None, ())


@pytest.mark.parametrize(
    ("changes", "raised", "delay"),
    [
        ([], None, None),
        ([change("2024-01", ShockClass.SHORTAGE)], "2024-01", 0),
        ([change("2024-02", ShockClass.SUPPLIER_EXIT)], "2024-02", 1),
        ([change("2024-03", ShockClass.SHORTAGE), change("2024-02", ShockClass.SHORTAGE)], "2024-02", 1),
        ([change("2024-01", ShockClass.FRONT_LOADING)], None, None),
        ([change("2024-01", ShockClass.DEMAND_FALL)], None, None),
        ([change("2023-06", ShockClass.SHORTAGE)], None, None),
        ([change("2024-06", ShockClass.SHORTAGE)], None, None),
        ([change("2024-01", ShockClass.SHORTAGE, ChangeKind.CONTINUED)], None, None),
        ([change("2024-01", ShockClass.SHORTAGE, ChangeKind.RECLASSIFIED)], "2024-01", 0),
        ([change("2024-01", ShockClass.SHORTAGE, item=ItemKey.parse("KOR:import:380110"))], None, None),
    ],
)
def test_an_episode_is_raised_by_its_item_in_its_window_as_its_class(
    changes: Sequence[AlertChange], raised: str | None, delay: int | None
) -> None:
    result = demo.judge(LABEL, changes)
    assert (str(result.raised.period) if result.raised else None) == raised
    assert result.delay == delay


def test_a_decoy_is_broken_by_a_shortage_and_not_by_a_watch_on_the_surge() -> None:
    item = DECOY.items[0]
    surge = demo.judge(DECOY, [change("2019-07", ShockClass.FRONT_LOADING, item=item)])
    assert surge.raised is None
    assert surge.aside is not None
    assert demo.judge(DECOY, [change("2019-08", ShockClass.SHORTAGE, item=item)]).raised is not None


def test_every_label_is_about_the_world_and_names_its_source_or_says_that_it_has_none() -> None:
    made = {(item.flow, item.hs) for item in simulated.items()}
    for label in demo.episodes():
        assert {(item.flow.value, item.hs) for item in label.items} <= made, label.id
        assert label.scored_from <= label.effect <= label.scored_to, label.id
        assert label.scored_from >= Period.of(2015, 1), label.id
        assert label.source.startswith(("https://", "http://")) or not label.source, label.id
        assert label.note, f"{label.id}: say what is documented and what is assumed"


def test_no_episode_is_scored_before_its_first_month_in_the_world() -> None:
    """Else a chance alert would count as foresight. S17 and S46 are staged under S16 and by the price of urea."""
    staged = {shock.id: min(s.start for s in simulated.shocks() if s.id == shock.id) for shock in simulated.shocks()}
    scored = {label.id: label.scored_from for label in demo.episodes() if label.shock is not None}
    assert set(scored) - set(staged) == {"S17", "S46"}
    assert not [label for label in set(scored) & set(staged) if scored[label] < staged[label]]
