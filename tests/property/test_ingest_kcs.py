"""Whatever the Korean services send: a sound batch, or a SourceError."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cews.domain import Period, SourceError
from ingest import kcs, kcs_flash, kcs_item
from ingest.base import Source, Wanted
from tests.contract import kcs_answers as a

YEAR = Wanted(("250410",), (), Period.of(2023, 1), Period.of(2023, 12))
TODAY = date(2024, 6, 20)
REQUEST = next(iter(kcs.plan(YEAR, TODAY)))
FLASH_REQUEST = next(iter(kcs_flash.plan(YEAR, TODAY)))
SERVICES = st.sampled_from([kcs.SOURCE, kcs_item.SOURCE, kcs_flash.SOURCE])

GOOD = a.answer([a.item(year="2023.05", imports=(10, 2)), a.item(partner="JP", year="2023.06", exports=(3, 0))])


@given(SERVICES, st.binary(max_size=300))
@example(kcs.SOURCE, b"<")
@example(kcs_item.SOURCE, b"<?xml version='1.0' encoding='utf-32'?><a/>")
@example(kcs_flash.SOURCE, b"<?xml version='1.0' encoding='nonsense'?><a/>")
@example(kcs.SOURCE, b"\xef\xbb\xbf<response/>")
@settings(deadline=None, max_examples=120)
def test_any_bytes_give_a_source_error(source: Source, body: bytes) -> None:
    with pytest.raises(SourceError, match="kcs"):
        source.parse(body, next(iter(source.plan(YEAR, TODAY))))


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
@settings(deadline=None, max_examples=60)
def test_a_damaged_answer_gives_a_batch_or_a_source_error(at: int, patch: bytes) -> None:
    try:
        batch = kcs.parse(GOOD[:at] + patch + GOOD[at + len(patch) :], REQUEST)
    except SourceError:
        return
    assert set(batch.observations["hs"]) <= {"250410"}


rows = st.dictionaries(
    st.tuples(
        st.sampled_from(["2504101000", "2504109000", "250410", "250490"]),
        st.sampled_from(["CN", "JP", "US"]),
        st.integers(1, 12),
    ),
    st.tuples(*[st.integers(0, 10**12)] * 4),
    max_size=12,
)


@given(rows, st.randoms())
@settings(deadline=None, max_examples=60)
def test_amounts_are_kept_whatever_the_order_and_detail_of_the_rows(
    given_rows: dict[tuple[str, str, int], tuple[int, int, int, int]], random: object
) -> None:
    items = [
        a.item(hs, partner, f"2023.{month:02d}", exports=amounts[:2], imports=amounts[2:])
        for (hs, partner, month), amounts in given_rows.items()
    ]
    shuffled = [a.total(items), *items]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    table = kcs.parse(a.answer(shuffled), REQUEST).observations
    wanted = [amounts for (hs, _, _), amounts in given_rows.items() if hs.startswith("250410")]
    for flow, value, weight in (("export", 0, 1), ("import", 2, 3)):
        part = table[table["flow"] == flow]
        assert part["value_usd"].sum() == sum(amounts[value] for amounts in wanted)
        assert part["net_weight_kg"].sum() == sum(amounts[weight] for amounts in wanted)


texts = st.text(max_size=8) | st.sampled_from(
    ["202305", "05", "2023", "01~10", "01~28", "1,000", "-1", "1e9", "nan", ""]
)
items = st.dictionaries(st.sampled_from(sorted(a.flash())), texts, max_size=4).map(lambda given: a.flash() | given)


@given(st.lists(items, max_size=4))
@settings(deadline=None, max_examples=80)
def test_any_text_in_the_fields_of_a_flash_gives_sound_figures_or_a_source_error(found: list[dict[str, str]]) -> None:
    escaped = [{name: "".join(filter(_plain, text)) for name, text in item.items()} for item in found]
    try:
        batch = kcs_flash.parse(a.answer(escaped), FLASH_REQUEST)
    except SourceError:
        return
    table = batch.table
    assert not table.duplicated(["flow", "kind", "name", "period", "decile"]).any()
    assert table["value_usd"].between(0, 1e300).all()
    totals = table[table["name"] == "total"].set_index(["period", "decile"])["value_usd"]
    parts = table[table["name"] != "total"].groupby(["period", "decile"])["value_usd"].sum()
    assert (parts <= totals.reindex(parts.index) + 10_000).all()


def _plain(letter: str) -> bool:
    return letter.isprintable() and letter not in "<&"


@given(st.permutations([a.flash(days=f"01~{last}", total=20_000 * n) for n, last in ((1, 10), (2, 20), (3, 31))]))
@settings(deadline=None, max_examples=10)
def test_the_order_of_the_rows_of_a_flash_does_not_matter(found: list[dict[str, str]]) -> None:
    table = kcs_flash.parse(a.answer(found), FLASH_REQUEST).table
    assert table.groupby("decile")["value_usd"].max().to_dict() == {1: 2e7, 2: 4e7, 3: 6e7}
