"""Where two sources speak about one item, every reader takes the one that is closer to the customs office."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cews import watching
from cews.domain import Period, UserError
from cews.ingesting import ingest_file
from cews.panel import History
from ingest import priorities, sources
from ingest.base import Wanted

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def told(engine: Engine, folder: Path, source: str, kilograms: int) -> None:
    path = folder / f"{source}.csv"
    lines = [f"2024-0{month},KOR,CHN,import,250410,1000,{kilograms}" for month in (1, 2, 3)]
    path.write_text("\n".join(["period,reporter,partner,flow,hs,value_usd,net_weight_kg", *lines]))
    ingest_file(engine, folder / "home", path, "tidy", now=NOW, source=source)


def test_the_national_customs_office_is_believed_before_the_collection(store_engine: Engine, tmp_path: Path) -> None:
    told(store_engine, tmp_path, "comtrade", 111)
    told(store_engine, tmp_path, "kcs", 222)
    panel = History.load(store_engine, NOW).panel(NOW)
    assert panel.sources == ("kcs",)
    assert panel.item_quantity[-1, 0] == 222


def test_every_connector_has_its_place() -> None:
    assert priorities().keys() == sources().keys()
    assert priorities()["kcs"] < priorities()["comtrade"]


def test_the_watch_list_says_whose_trade_is_wanted(store_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    heading = "reporter,flow,hs,name_ko,name_en,grade,uses,note"
    path.write_text(f"{heading}\nKOR,import,250410,흑연,Graphite,A,,\nJPN,import,250410,흑연,Graphite,B,,\n", "utf-8")
    watching.load(store_engine, str(path), actor="test", now=NOW)
    known = sources()
    assert watching.watched(store_engine, known["comtrade"]) == (("250410",), ("JPN", "KOR"))
    assert watching.watched(store_engine, known["kcs"]) == (("250410",), ("KOR",))
    for name in ("eurostat", "census"):
        with pytest.raises(UserError, match=f"nothing that {name} knows"):
            watching.watched(store_engine, known[name])
    assert {name for name, source in sources().items() if source.many_reporters} == {"comtrade", "eurostat"}


def test_without_a_watch_list_it_is_said(store_engine: Engine) -> None:
    with pytest.raises(UserError, match="cews watchlist load kor"):
        watching.watched(store_engine, sources()["kcs"])


def test_of_the_shipped_list_a_collection_of_the_world_is_asked_for_what_it_knows(store_engine: Engine) -> None:
    watching.load(store_engine, "kor", actor="test", now=NOW)
    known = sources()
    codes = {name: watching.watched(store_engine, known[name])[0] for name in ("kcs", "comtrade")}
    assert {len(code) for code in codes["kcs"]} == {6, 10}
    assert set(codes["comtrade"]) == {code for code in codes["kcs"] if len(code) == 6}
    wanted = Wanted(codes["comtrade"], (), Period.of(2024, 1), Period.of(2024, 3), reporters=("KOR",))
    assert list(known["comtrade"].plan(wanted, NOW.date()))
