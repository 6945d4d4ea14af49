"""A brief about one item: what is traded and expected, from whom, at what price, and what became of its alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cews import diversion_watch, formats, nowcasting, relapses, second_eyes, sentences
from cews.alerts import action
from cews.alternatives import Stop
from cews.briefs import backing, beside, charts
from cews.briefs.charts import Line, Point
from cews.briefs.content import (
    Asked,
    Brief,
    Cell,
    Grid,
    Mark,
    Number,
    Picture,
    Section,
    Stat,
    Subject,
    changed,
    index,
    share,
)
from cews.counterchecks import Check
from cews.diversion_watch import Diversion
from cews.domain import ChangeKind, Finding, Flow, ItemKey, Level, Measure, Period, ShockClass, UserError
from cews.expected import Expected, expectations, expected_at, forecast_of
from cews.measures import Hit, Phase
from cews.nowcasting import Nowcast
from cews.panel import History
from cews.relapses import Back
from cews.series import ItemSeries, item_series
from cews.store import alert_lines, measures, prices, queries
from cews.store.alert_lines import AlertLine, ChangeLine
from cews.store.engine import Connection, Engine, reading
from cews.store.prices import PriceSeries
from cews.store.provenance import Origin, of_items
from cews.store.queries import ForecastLine, ItemName

YEAR: Final = 12
DRAWN: Final = {False: 36, True: 60}  # months of the pictures, short and long
LISTED: Final = 24  # months of the tables
HISTORY: Final = 40  # changes of alerts, as on the item's page
SHORT_REASONS, SHORT_CHANGES, SUPPLIERS = 4, 4, 5
HALF: Final = 0.5  # the share from which Korea watches an item


@dataclass(frozen=True, slots=True)
class Known:
    """Everything an item's brief is made of."""

    name: ItemName
    series: ItemSeries
    alert: AlertLine | None  # the newest of a shock
    slow: AlertLine | None  # the newest of a slow matter
    forecasts: Sequence[ForecastLine]
    raised: Mapping[Period, int]  # months with a finding, and its level
    price: PriceSeries | None
    changes: Sequence[ChangeLine]
    hits: Sequence[Hit]
    checks: Sequence[Check]  # of the open alert
    stop: Stop | None
    backs: Sequence[Back]
    diversions: Sequence[Diversion]
    nowcast: Nowcast | None
    origins: Sequence[Origin]

    @property
    def item(self) -> ItemKey:
        return self.name.item

    @property
    def finding(self) -> Finding | None:
        return self.alert.finding if self.alert else None

    @property
    def standing(self) -> list[tuple[AlertLine, Finding]]:
        """The open alerts with their newest evidence, that of a shock first."""
        found = [one for one in (self.alert, self.slow) if one is not None and one.state == "open"]
        return [(one, one.finding) for one in found if one.finding is not None]

    @property
    def expected(self) -> Mapping[Period, Expected]:
        """What was expected, by month: of the model, else of the finding about its month alone."""
        found = self.finding
        if not self.forecasts and found is not None and found.measure is Measure.QUANTITY:
            return {found.period: Expected(found.period, found.expected, None, (found.lower, found.upper), False)}
        return {point.period: point for point in expectations(self.forecasts, self.forecast)}

    @property
    def forecast(self) -> ForecastLine | None:
        return forecast_of(self.forecasts)

    @property
    def last(self) -> int:
        """Index of the newest month with a number."""
        last = self.series.last
        return len(self.series.months) - 1 if last is None else last

    @property
    def price_unit(self) -> str:
        return f"USD/{self.series.unit}"


def compose(engine: Engine, subject: Subject, asked: Asked) -> Brief:
    """Raises UserError where nothing is known of the item."""
    known = _known(engine, ItemKey.parse(subject.key), asked)
    name = known.name.label(asked.language)
    return Brief(
        subject=subject,
        asked=asked,
        title=asked.say("{name}: supply-chain brief", name=name),
        subtitle=_what(known, asked),
        level=max((alert.level for alert, _ in known.standing), default=None),
        simulated=known.series.simulated,
        summary=list(_summary(known, name, asked)),
        stats=list(_stats(known, asked)),
        sections=list(_sections(known, asked)),
        facts=[
            (asked.say("Item"), f"{name} (HS {known.item.hs})"),
            (asked.say("Trade of"), asked.place(known.item)),
            *([(asked.say("Grade", context="brief"), known.name.grade)] if known.name.grade else []),
            (asked.say("Newest month"), asked.month(known.series.months[known.last])),
        ],
    )


def _known(engine: Engine, item: ItemKey, asked: Asked) -> Known:
    history = History.load(engine, asked.as_of, [item])
    panel = history.panel(asked.as_of)
    series = item_series(panel)
    diversions = diversion_watch.known(engine, asked.as_of, [item], {})
    with reading(engine) as cx:
        name = queries.item_name(cx, item)
        if name is None or series is None:
            raise UserError(
                f"no trade of {item} was known at {asked.as_of:%Y-%m-%d}; `cews watchlist list` lists items, and "
                "--as-of gives another day"
            )
        alert = alert_lines.item_alert(cx, asked.as_of, item)
        slow = alert_lines.item_alert(cx, asked.as_of, item, slow=True)
        live = alert if alert is not None and alert.state == "open" else None
        return Known(
            name=name,
            series=series,
            alert=alert,
            slow=slow,
            forecasts=queries.item_forecasts(cx, asked.as_of, item),
            raised={found.period: found.level for found in queries.item_findings(cx, asked.as_of, item)},
            price=prices.for_item(cx, item.hs, asked.as_of),
            changes=alert_lines.item_changes(cx, asked.as_of, item, HISTORY),
            hits=measures.hitting(cx, asked.as_of, item),
            checks=second_eyes.of_alert(cx, live, asked.as_of) if live else (),
            stop=beside.stop_of(cx, item, series, live.partner if live else None),
            backs=relapses.in_panel(panel) if item.flow is Flow.IMPORT else (),
            diversions=diversions,
            nowcast=nowcasting.of_history(cx, history, asked.as_of, item),
            origins=_origins(cx, item, series, asked),
        )


def _origins(cx: Connection, item: ItemKey, series: ItemSeries, asked: Asked) -> list[Origin]:
    first = series.months[-DRAWN[asked.long] :][0]
    return of_items(cx, asked.as_of, [item], first, series.months[-1], series.source)


# --- words -------------------------------------------------------------------------------------------


def _what(known: Known, asked: Asked) -> str:
    """The story in a line."""
    if not known.standing:
        return asked.say("No alert is open on this item.")
    what = sentences.what_happened(known.standing[0][1], asked.language)
    return what[:1].upper() + what[1:]


def _summary(known: Known, name: str, asked: Asked) -> Iterator[str]:
    series, last = known.series, known.last
    for _, finding in known.standing:
        yield sentences.told(finding, name, asked.language)
    yield _total(known, asked)
    if shares := series.shares(last, YEAR):
        partner, part = next(iter(shares.items()))
        values = {
            "partner": asked.country(partner),
            "share": formats.share(part),
            "hhi": formats.number(series.concentration(last, YEAR), 2),
        }
        yield asked.say("Over twelve months {share} came from {partner} (HHI {hhi}).", **values)
    yield from _price_told(known, asked)


def _total(known: Known, asked: Asked) -> str:
    series, last = known.series, known.last
    values = {
        "period": asked.month(series.months[last]),
        "quantity": asked.amount(series.quantity[last], series.unit).words,
        "value": asked.money(series.value[last]).words,
        "change": formats.percent(_year_on_year(series, last)),
    }
    if known.item.flow is Flow.IMPORT:
        return asked.say("Total imports in {period}: {quantity} ({change} on the year), worth {value}.", **values)
    return asked.say("Total exports in {period}: {quantity} ({change} on the year), worth {value}.", **values)


def _year_on_year(series: ItemSeries, at: int) -> float | None:
    now, before = series.quantity[at], series.quantity[at - YEAR] if at >= YEAR else None
    return now / before - 1 if now is not None and before else None


def _price_note(known: Known, asked: Asked) -> str:
    numbers, last = known.series.unit_value, known.last
    now, before = numbers[last], numbers[last - 3] if last >= 3 else None
    if now is None or not before:
        return ""
    return asked.say("{change} over 3 months", change=formats.percent(now / before - 1, arrow=True))


def _price_told(known: Known, asked: Asked) -> Iterator[str]:
    numbers, last = known.series.unit_value, known.last
    now, before = numbers[last], numbers[last - 3] if last >= 3 else None
    if now is None or not before:
        return
    values = {"price": asked.amount(now, known.price_unit).words, "change": formats.percent(now / before - 1)}
    price, month = known.price, known.series.months[last]
    world = price.months.get(month) if price and price.unit == known.price_unit else None
    if price is None or world is None:
        yield asked.say("The unit value was {price}, {change} over three months.", **values)
        return
    values |= {"name": price.name, "world": asked.amount(world, price.unit, like=now).words}
    yield asked.say(
        "The unit value was {price}, {change} over three months; the world price ({name}) stood at {world}.", **values
    )


def _stats(known: Known, asked: Asked) -> Iterator[Stat]:
    """The key figures, those at the head of the item's page."""
    series, last = known.series, known.last
    month, number = series.months[last], series.quantity[last]
    expected = expected_at(known.forecasts, known.finding, month)
    note = asked.say("No expectation for this month")
    if expected and number is not None:
        note = asked.say("{change} vs expected", change=formats.percent(number / expected - 1, arrow=True))
    yield Stat("quantity", asked.say("Quantity · {month}", month=str(month)), asked.amount(number, series.unit), note)
    before = series.quantity[last - YEAR] if last >= YEAR else None
    yield Stat(
        "change_on_year",
        asked.say("Change on the year"),
        changed(_year_on_year(series, last)),
        asked.say("{amount} a year before", amount=asked.amount(before, series.unit).words)
        if before is not None
        else "",
    )
    shares = series.shares(last, YEAR)
    partner = next(iter(shares), "")
    yield Stat(
        "top_share",
        asked.say("Top supplier · 12 months"),
        share(shares.get(partner)),
        asked.country(partner) if partner else asked.say("Suppliers are not known"),
    )
    yield Stat(
        "hhi", asked.say("Concentration (HHI)"), index(series.concentration(last, YEAR)), _hhi_before(known, asked)
    )
    price = asked.amount(series.unit_value[last], known.price_unit)
    yield Stat("unit_value", asked.say("Unit value"), price, _price_note(known, asked))


def _hhi_before(known: Known, asked: Asked) -> str:
    before = known.series.concentration(known.last - YEAR, YEAR) if known.last >= 2 * YEAR - 1 else None
    return asked.say("{before} a year before", before=f"{before:.2f}") if before is not None else ""


# --- sections ----------------------------------------------------------------------------------------


def _sections(known: Known, asked: Asked) -> Iterator[Section]:
    yield _outlook(known, asked)
    reasons = _reasons(known, asked)
    yield Section(asked.say("Suppliers"), parts=[_suppliers(known, asked)], half=True)
    yield Section(
        asked.say("Why", context="mail"), points=reasons if asked.long else reasons[:SHORT_REASONS], half=True
    )
    if known.standing:
        done = [action(Level(one.level), known.item.flow, ShockClass(one.shock)) for one, _ in known.standing]
        yield Section(asked.say("Recommended action"), points=[asked.say(words) for words in done])
    shares = known.series.shares(known.last, YEAR) if known.item.flow is Flow.IMPORT else None
    over = () if asked.long else (Phase.ENDED, Phase.CANCELLED)
    yield from beside.announced([hit for hit in known.hits if hit.phase not in over], asked, shares)
    yield from beside.second_look(known.checks, asked)
    yield from beside.gap(known.stop, known.series.unit, asked)
    yield from beside.relapses(known.backs, {known.item: known.name}, asked)
    yield from beside.diverted(known.diversions, asked)
    yield from beside.unfinished(known.nowcast, asked)
    if asked.long:
        yield from _at_length(known, asked)
    history = _history(known, asked)
    if history.rows:
        yield Section(asked.say("History of alerts"), parts=[history])
    yield from backing.sections(
        backing.Ground(
            origins=known.origins,
            simulated=known.series.simulated,
            findings=[known.finding] if known.finding else [],
            forecast=known.forecast,
            limits=list(_limits(known, asked)),
            price=known.price,
        ),
        asked,
    )


def _at_length(known: Known, asked: Asked) -> Iterator[Section]:
    yield Section(asked.say("Observed and expected, month by month"), parts=[_months(known, asked)])
    if known.series.suppliers():
        yield Section(asked.say("Suppliers' shares"), parts=[_shares(known, asked)])
        yield Section(asked.say("Dependence"), parts=[_dependence(known, asked)])
        yield Section(asked.say("Suppliers now"), parts=[_others(known, asked)])
    yield Section(asked.say("Unit value"), parts=[_unit_value(known, asked)])


def _window(known: Known, asked: Asked) -> tuple[list[Period], int]:
    """The months of the pictures, and the index of the first."""
    first = max(0, len(known.series.months) - DRAWN[asked.long])
    return known.series.months[first:], first


def _outlook(known: Known, asked: Asked) -> Section:
    series = known.series
    months, first = _window(known, asked)
    points = known.expected
    ahead = [month for month in sorted(points) if month > months[-1]]
    shown = [*months, *ahead]
    observed = [*series.quantity[first:], *(None for _ in ahead)]
    largest = max((number for number in observed if number is not None), default=None)
    marks = [
        Point(at, number, Level(known.raised[month]))
        for at, (month, number) in enumerate(zip(months, observed, strict=False))
        if month in known.raised and number is not None
    ]
    words = asked.say("Observed and expected quantity")
    svg = charts.timeline(
        shown,
        [
            Line([points[month].expected if month in points else None for month in shown], charts.BLUE, 1.3, True),
            Line(observed, charts.INK, 2.0),
        ],
        lambda number: asked.amount(number, series.unit, like=largest).words,
        words,
        band=[points[month].band95 if month in points else None for month in shown],
        points=marks,
    )
    legend = [
        Mark("line", charts.INK, asked.say("Observed")),
        *([Mark("dotted", charts.BLUE, asked.say("Expected"))] if points else []),
        *([Mark("area", charts.BAND, asked.say("95 % band"))] if points else []),
        *([Mark("point", charts.LEVELS[Level.SEVERE], asked.say("Months that were raised"))] if marks else []),
    ]
    return Section(words, parts=[Picture(svg, words, legend)])


def _suppliers(known: Known, asked: Asked) -> Grid:
    series, last = known.series, known.last
    before = series.shares(last - YEAR, YEAR) if last >= YEAR else {}
    rows: list[list[Cell]] = [
        [asked.country(partner), share(part), _points(part - before.get(partner, 0.0) if before else None, asked)]
        for partner, part in list(series.shares(last, YEAR).items())[:SUPPLIERS]
    ]
    headings = [asked.say("Supplier · 12 months"), asked.say("Share"), asked.say("On the year")]
    return Grid("suppliers", headings, rows, (1, 2))


def _points(difference: float | None, asked: Asked) -> Number:
    """A difference of two shares, in percentage points."""
    if difference is None:
        return Number(None, formats.UNKNOWN)
    number = round(difference * 100, 1)
    sign = "+" if number > 0 else formats.MINUS if number < 0 else ""
    return Number(difference, f"{sign}{abs(number):.1f}{'%p' if asked.language == 'ko' else ' pp'}")


def _reasons(known: Known, asked: Asked) -> list[str]:
    if not known.standing:
        return [asked.say("The newest month gave no reason for an alert.")]
    return [words for _, finding in known.standing for words in sentences.explanation(finding, asked.language)]


def _months(known: Known, asked: Asked) -> Grid:
    """The newest months with what was expected, and the months ahead."""
    series = known.series
    observed = dict(zip(series.months, series.quantity, strict=True))
    points = {point.period: point for point in expectations(known.forecasts, known.forecast)}
    months = sorted({*series.months[-LISTED:], *(month for month in points if month > series.months[-1])}, reverse=True)
    largest = max((number for month in months if (number := observed.get(month)) is not None), default=None)
    rows = [_month_row(month, observed, points.get(month), largest, known, asked) for month in months]
    headings = [
        asked.say("Month"),
        asked.say("Observed"),
        asked.say("Expected"),
        asked.say("95 % band"),
        asked.say("Against expected"),
        asked.say("Level"),
    ]
    return Grid("months", headings, rows, (1, 2, 3, 4))


def _month_row(
    month: Period,
    observed: Mapping[Period, float | None],
    point: Expected | None,
    like: float | None,
    known: Known,
    asked: Asked,
) -> list[Cell]:
    unit, number = known.series.unit, observed.get(month)
    expected = point.expected if point else None
    band = point.band95 if point else None
    ends = [asked.amount(max(0.0, end), unit, like).words for end in band] if band else []
    level = known.raised.get(month)
    return [
        str(month),
        asked.amount(number, unit, like),
        asked.amount(expected, unit, like),
        " – ".join(ends) if ends else formats.UNKNOWN,
        changed(number / expected - 1 if expected and number is not None else None),
        asked.level(level) if level and number is not None else "",
    ]


def _shares(known: Known, asked: Asked) -> Picture:
    series = known.series
    months, first = _window(known, asked)
    largest = series.suppliers()
    by_month = [series.shares(at) for at in range(first, len(series.months))]
    layers: list[tuple[charts.Numbers, str]] = [
        ([of.get(partner, 0.0) for of in by_month], colour)
        for partner, colour in zip(largest, charts.SUPPLIERS, strict=False)
    ]
    rest = [sum(part for partner, part in of.items() if partner not in largest) for of in by_month]
    words = asked.say("Share of the quantity of each month.")
    legend = [
        Mark("area", colour, asked.country(partner)) for partner, colour in zip(largest, charts.SUPPLIERS, strict=False)
    ]
    if any(rest):
        layers.append((rest, charts.GREY))
        legend.append(Mark("area", charts.GREY, asked.say("Other suppliers")))
    return Picture(charts.stacked(months, layers, lambda part: f"{part:.0%}", words), words, legend)


def _dependence(known: Known, asked: Asked) -> Picture:
    series = known.series
    months, first = _window(known, asked)
    at = range(first, len(series.months))
    tops = [next(iter(series.shares(n, YEAR).values()), None) if n >= YEAR - 1 else None for n in at]
    hhi = [series.concentration(n, YEAR) if n >= YEAR - 1 else None for n in at]
    words = asked.say("By quantity, over the twelve months up to each month.")
    svg = charts.timeline(
        months,
        [Line(tops, charts.INK, 2.0), Line(hhi, charts.ORANGE, 1.6)],
        lambda number: f"{number:.1f}",
        words,
        limit=HALF,
        height=150,
    )
    legend = [
        Mark("line", charts.INK, asked.say("Largest supplier's share")),
        Mark("line", charts.ORANGE, asked.say("Concentration (HHI)")),
        Mark("dotted", "#8A94A3", asked.say("Half from one supplier")),
    ]
    return Picture(svg, words, legend)


def _others(known: Known, asked: Asked) -> Grid:
    """What everybody delivered in the last twelve months: facts of present trade, no promise of capacity."""
    series, end = known.series, known.last + 1
    rows: list[list[Cell]] = []
    for partner, part in list(series.shares(known.last, YEAR).items())[:10]:
        now, before = (_sum(series.partners[partner], stop) for stop in (end, end - YEAR))
        value = _sum(series.partner_values[partner], end)
        rows.append(
            [
                asked.country(partner),
                asked.amount(now, series.unit),
                share(part),
                asked.amount(value / now if value is not None and now else None, known.price_unit),
                changed(now / before - 1 if now is not None and before else None),
            ]
        )
    headings = [
        asked.say("Supplier"),
        asked.say("Quantity · 12 months"),
        asked.say("Share"),
        asked.say("Unit value"),
        asked.say("On the year"),
    ]
    note = asked.say("What they delivered in the last twelve months; not what they could deliver.")
    return Grid("others", headings, rows, (1, 2, 3, 4), note)


def _sum(numbers: Sequence[float | None], end: int) -> float | None:
    """The sum of the twelve months before index ``end``; None where there are not so many, or none is known."""
    window = [number for number in numbers[max(0, end - YEAR) : max(0, end)] if number is not None]
    return sum(window) if end >= YEAR and window else None


def _unit_value(known: Known, asked: Asked) -> Picture:
    months, first = _window(known, asked)
    unit, numbers = known.price_unit, known.series.unit_value[first:]
    lines = [Line(numbers, charts.ORANGE, 2.0)]
    legend = [Mark("line", charts.ORANGE, asked.say("Unit value"))]
    price = known.price
    if price is not None and price.unit == unit:
        lines.append(Line([price.months.get(month) for month in months], charts.BLUE, 1.4, True))
        legend.append(Mark("dotted", charts.BLUE, asked.say("World price: {name}", name=price.name)))
    largest = max((number for line in lines for number in line.values if number is not None), default=None)
    words = asked.say("Customs value divided by quantity.")
    svg = charts.timeline(months, lines, lambda n: asked.amount(n, unit, like=largest).words, words, height=160)
    return Picture(svg, words, legend)


def _history(known: Known, asked: Asked) -> Grid:
    changes = known.changes if asked.long else known.changes[:SHORT_CHANGES]
    rows: list[list[Cell]] = [
        [
            asked.day(change.as_of),
            str(change.period),
            sentences.change_label(ChangeKind(change.kind), asked.language),
            " → ".join(dict.fromkeys(asked.level(n) for n in (change.level_before, change.level_after) if n)),
            asked.shock(change.shock) + (f" ({asked.country(change.partner)})" if change.partner else ""),
        ]
        for change in changes
    ]
    headings = [
        asked.say("Known since"),
        asked.say("Event month"),
        asked.say("Change"),
        asked.say("Level"),
        asked.say("Kind"),
    ]
    return Grid("history", headings, rows)


def _limits(known: Known, asked: Asked) -> Iterator[str]:
    if known.finding is not None and known.finding.history_months < 3 * YEAR:
        months = formats.months(known.finding.history_months, asked.language)
        yield asked.say("Only {months} of history are known, so the expectation is uncertain.", months=months)
    if known.forecast is None:
        yield asked.say("No model has looked at this item yet; a scan of the watch-list adds one.")
    if known.price is None or known.price.unit != known.price_unit:
        yield asked.say("No reference price of the world market is linked to this code.")
    yield asked.say(
        "An HS code of {digits} digits may hold goods of several uses, which it cannot tell apart.",
        digits=len(known.item.hs),
    )
