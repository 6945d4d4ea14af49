"""Whatever the Korean service sends: a sound batch, or a SourceError."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cews.domain import Period, SourceError
from ingest import kcs
from ingest.base import Wanted
from tests.contract import kcs_answers as a

REQUEST = next(iter(kcs.plan(Wanted(("250410",), (), Period.of(2023, 1), Period.of(2023, 12)), date(2024, 6, 20))))

GOOD = a.answer([a.item(year="2023.05", imports=(10, 2)), a.item(partner="JP", year="2023.06", exports=(3, 0))])


@given(st.binary(max_size=300))
@example(b"<")
@example(b"<?xml version='1.0' encoding='utf-32'?><a/>")
@example(b"<?xml version='1.0' encoding='nonsense'?><a/>")
@example(b"\xef\xbb\xbf<response/>")
@settings(deadline=None, max_examples=60)
def test_any_bytes_give_a_source_error(body: bytes) -> None:
    with pytest.raises(SourceError, match="kcs"):
        kcs.parse(body, REQUEST)


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
