"""Scorecard: what was raised when, of real events, of the demo's documented episodes, and by the analysts' verdicts.

A miss is printed as a miss. Figures come from back-tests that were kept, and from the store; none is written here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import demo, formats, sentences
from cews.backtest import kept
from cews.backtest.card import CLOCKS, Deck, decks, share
from cews.backtest.kept import Kept
from cews.backtest.scoring import wilson
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, item_path
from cews.dashboard.theme import BLUE
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.demo import EpisodeResult, Score
from cews.domain import Level, Reason, UserError
from cews.handling import Outcome
from cews.open_data.scorecard import interval_words, signed
from cews.store import queries, verdicts
from cews.store.engine import Connection
from cews.store.verdicts import Tally

ENGINE: Final = "engine"
OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.REAL: mark("Real", context="outcome"),
    Outcome.FALSE_ALARM: mark("False alarm", context="outcome"),
    Outcome.KNOWN: mark("Known before", context="outcome"),
    Outcome.DATA_ERROR: mark("Error in the data", context="outcome"),
}
LEADS: Final = {
    "release": mark("Lead over the release of the month in which it was felt"),
    "measure": mark("Lead over the day the measure took effect, or the accident happened"),
    "panic": mark("Lead over the day the public noticed"),
}
Labelled = Mapping[str, Any]  # one label of a record


def page(desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("Scorecard")
    words = view.say("What was raised, when and at which level; what was missed; and how often it was for nothing.")
    episodes = dcc.Loading(html.Div(id="scorecard-episodes"), delay_show=300, type="dot", color=BLUE)
    body = html.Div(
        parts.kept(
            parts.page_head(title, words),
            _real(desk, view),
            episodes if any(source.simulated for source in queries.source_states(cx, view.as_of)) else None,
            _live(verdicts.tallies(cx, view.as_of), view),
        )
    )
    return Page(title, "scorecard", body, simulated=False)  # what is simulated says so in its place


# --- real events -------------------------------------------------------------------------------------


def _real(desk: Desk, view: View) -> Component:
    """What the kept back-tests of one budget say; another budget is a link away."""
    title = view.say("Measured by back-tests")
    try:
        found = decks(one for one in kept.all_of(desk.settings.home) if one.made_at <= view.as_of)
    except UserError as error:
        return parts.card(title, parts.empty(str(error), "warning"))
    if not found:
        return parts.card(title, _nothing_kept(view))
    budgets = sorted({deck.budget for deck in found})
    chosen = next((budget for budget in budgets if f"{budget:g}" == view.one("budget")), budgets[0])
    cards = [_deck(deck, view) for deck in found if deck.budget == chosen]
    return html.Div([_budgets(budgets, chosen, view), *cards])


def _budgets(budgets: Sequence[float], chosen: float, view: View) -> Component:
    words = view.say("False alarms allowed in 1,000 item-months")
    links = [
        parts.link(f"{budget:g}", view.link("/scorecard", budget=f"{budget:g}"), "on" if budget == chosen else "")
        for budget in budgets
    ]
    nav = html.Nav(links, className="link-segments tabs", **parts.aria(label=words))
    return html.Div([html.Span(f"{words}:"), nav], className="toolbar")


def _deck(deck: Deck, view: View) -> Component:
    title = view.say("Simulated world") if deck.simulated else view.say("Real events")
    words = view.say("Each month is judged by what was known then. What was missed is counted as missed.")
    return html.Div(
        [
            parts.card(title, *_head(deck, view), _every_label(deck, view), subtitle=words),
            parts.card(view.say("By class and tier"), _figures(deck.card, view), _tiers(view)),
            parts.card(view.say("Beside published rules"), *_beside(deck.kept, view)),
        ]
    )


def _every_label(deck: Deck, view: View) -> Component:
    """Of real trade open to the eye; of the made-up world, which has many, folded away."""
    table = _labels(deck.kept, view)
    return html.Details([html.Summary(view.say("Every label")), table]) if deck.simulated else table


def _head(deck: Deck, view: View) -> list[Component]:
    mark_ = [parts.simulated_tag(view)] if deck.simulated else []
    return [*mark_, _summary(deck.card, view)]


def _figures(card: Mapping[str, Any], view: View) -> Component:
    """Every figure with its interval."""
    headers = [view.say("Figure"), view.say("Measured"), view.say("95 % interval")]
    classes = [(view.shock(name), one) for name, one in card["by_class"].items()]
    tiers = [(view.say("Tier {number}", number=name), one) for name, one in card["by_tier"].items()]
    tops = [
        (view.say("Right ones among the worst {count} of each file", count=one["top"]), one)
        for one in card["at_the_top"]
    ]
    shares = [
        *classes,
        *tiers,
        (view.say("Decoys raised"), card["decoys"]),
        (view.say("Precision"), card["precision"]),
        *tops,
    ]
    rows = [[name, _of(one["hits"], one["of"], view), interval_words(one)] for name, one in shares]
    rows += [[view.say(LEADS[clock]), *_lead_cells(card["leads"][clock], view)] for clock in CLOCKS]
    return parts.table(headers, rows, numeric=(1, 2))


def _lead_cells(lead: Mapping[str, Any], view: View) -> list[str]:
    band = "–" if lead["low"] is None else f"{signed(lead['low'])} … {signed(lead['high'])}"
    if lead["median_days"] is None:
        return ["–", band]
    return [view.say("{days} days, {labels} events", days=signed(lead["median_days"]), labels=lead["labels"]), band]


def _tiers(view: View) -> Component:
    return html.P(
        view.say(
            "Tier 1: size and month are published figures. Tier 2: the event is documented, the month estimated. "
            "Tier 3: from memory. A lead is positive where the warning came first."
        ),
        className="sub",
    )


def _nothing_kept(view: View) -> Component:
    words = view.say("No back-test has been kept yet. Whoever runs C-EWS keeps one by a command:")
    command = "cews backtest --all --data FOLDER"
    return html.Div([parts.empty(words, "score"), html.Pre(html.Code(command), className="posted")])


def _summary(card: Mapping[str, Any], view: View) -> Component:
    recall, decoys, wolf = card["recall"], card["decoys"], card["false_alarms"]
    numbers: list[tuple[str, str, str]] = [
        (view.say("Events raised"), _of(recall["hits"], recall["of"], view), _band(interval_words(recall))),
        (view.say("Missed"), f"{recall['of'] - recall['hits']:,}", ""),
        (view.say("Decoys raised"), _of(decoys["hits"], decoys["of"], view), _band(interval_words(decoys))),
        (view.say("False alarms"), f"{wolf['count']:,}", ""),
        (view.say("in 1,000 item-months"), *_rate_words(wolf)),
    ]
    return html.Dl([_number(*one) for one in numbers], className="stats score-stats")


def _band(interval: str) -> str:
    return "" if interval == "–" else f"95 %: {interval}"


def _rate_words(wolf: Mapping[str, Any]) -> tuple[str, str]:
    if wolf["per_1000"] is None:
        return "–", ""
    return f"{wolf['per_1000']:.2f}", f"95 %: {wolf['low']:.2f}–{wolf['high']:.2f}"


def _number(name: str, value: str, note: str) -> Component:
    return html.Div(parts.kept(html.Dt(name), html.Dd(value), html.Dd(note, className="note") if note else None))


def _of(part: int, whole: int, view: View) -> str:
    return view.say("{part} of {whole}", part=f"{part:,}", whole=f"{whole:,}")


def _interval(total: Mapping[str, int]) -> str:
    low, high = wilson(total["raised"], total["labels"])
    return "" if low is None or high is None else f"95 %: {low:.0%}–{high:.0%}"


def _rate(total: Mapping[str, int]) -> str:
    return "–" if not total["item_months"] else f"{1000 * total['false_alarms'] / total['item_months']:.2f}"


def _labels(records: Sequence[Kept], view: View) -> Component:
    headers = [
        view.say("Event"),
        view.say("First seen in"),
        view.say("First raised"),
        view.say("Lead or delay"),
        view.say("Level"),
        view.say("Kind"),
        view.say("Rules that raised it"),
        view.say("Data", context="scorecard"),
    ]
    rows = [_label_row(label, one, view) for one in records for label in one.record[ENGINE]["by_label"]]
    return parts.table(headers, rows, more="scores")


def _label_row(label: Labelled, one: Kept, view: View) -> list[parts.Child]:
    rules = [rule["by_label"] for rule in one.record["baselines"].values()]
    others = sum(any(said["raised"] for said in by_label if said["id"] == label["id"]) for by_label in rules)
    decoy = label["label_class"] == "decoy"
    name = html.Span([html.Strong(label.get("name") or label["id"]), html.Small(_kind(label, view))], className="two")
    return [
        name,
        label["effect_month"],
        *_raised(label, decoy, view),
        _of(others, len(rules), view),
        one.name,
    ]


def _kind(label: Labelled, view: View) -> str:
    decoy = label["label_class"] == "decoy"
    return f"{label['id']} · {view.say('decoy') if decoy else view.shock(label['label_class'])}"


def _raised(label: Labelled, decoy: bool, view: View) -> list[parts.Child]:
    """When, how early, at which level and as what; a miss says so, and why."""
    if not label["raised"]:
        why = [_why(one, view) for one in label.get("silence", [])[-1:]]
        silent = parts.tag(view.say("Stayed silent"), "tag-good") if decoy else missed(view)
        return [html.Span([silent, *why]), "–", "–", "–"]
    level = parts.level_pill(Level.from_slug(label["level"]), view) if label["level"] else "–"
    month = html.Span(
        parts.kept(label["first_month"], parts.tag(view.say("False alarm"), "tag-bad") if decoy else None)
    )
    kind = view.shock(label["class"]) if label["class"] else "–"
    return [month, delay(label["delay_months"], view), level, kind]


def _why(silence: Mapping[str, Any], view: View) -> Component:
    reason = Reason(silence["code"], silence["numbers"], 1.0)
    return html.Small(sentences.sentence(reason, view.language))


def missed(view: View) -> Component:
    return parts.tag(view.say("Missed"), "tag-bad")


def delay(months: int | None, view: View) -> str:
    """How many months before or after the documented month it was raised."""
    if months is None:
        return "–"
    if months == 0:
        return view.say("same month")
    counted = formats.months(abs(months), view.language)
    return view.say("{months} later", months=counted) if months > 0 else view.say("{months} earlier", months=counted)


def _beside(records: Sequence[Kept], view: View) -> list[Component]:
    names = list(dict.fromkeys(name for one in records for name in one.record["baselines"]))
    headers = [
        view.say("Method"),
        view.say("Events raised"),
        view.say("95 % interval"),
        view.say("of the supply shocks"),
        view.say("Decoys raised"),
        view.say("False alarms"),
        view.say("in 1,000 item-months"),
    ]
    rows = [_method_row(name, _totals(records, name), view) for name in (ENGINE, *names)]
    spans = [
        html.Li(
            view.say(
                "{name}: {first} to {last}, {items} items, {months} item-months without an event.",
                name=one.name,
                first=one.record["months"][0],
                last=one.record["months"][1],
                items=f"{one.record['items']:,}",
                months=f"{one.record['item_months']:,}",
            )
        )
        for one in records
    ]
    words = view.say("Each rule stands at the threshold at which it cries wolf no more often than C-EWS did.")
    return [
        html.P(words, className="sub"),
        parts.table(headers, rows, numeric=range(1, 7)),
        html.Ul(spans, className="spans"),
    ]


def _method_row(name: str, total: Mapping[str, int], view: View) -> list[parts.Child]:
    return [
        html.Strong("C-EWS") if name == ENGINE else html.Code(name),
        _of(total["raised"], total["labels"], view),
        _interval(total).removeprefix("95 %: ") or "–",
        _of(total["supply_raised"], total["supply_labels"], view),
        _of(total["decoys_raised"], total["decoys"], view),
        f"{total['false_alarms']:,}",
        _rate(total),
    ]


_COUNTS: Final = ("labels", "raised", "supply_labels", "supply_raised", "decoys", "decoys_raised", "false_alarms")


def _totals(records: Sequence[Kept], method: str) -> dict[str, int]:
    """What one method raised in all records that have it."""
    all_methods = [(one.record, {ENGINE: one.record[ENGINE], **one.record["baselines"]}) for one in records]
    said = [(record["item_months"], methods[method]) for record, methods in all_methods if method in methods]
    found = {name: sum(int(one[name]) for _, one in said) for name in _COUNTS}
    return found | {"item_months": sum(int(months) for months, _ in said)}


# --- the demo's episodes -----------------------------------------------------------------------------


def episodes(score: Score, view: View) -> Component:
    """The documented episodes of the demo world that were known of, and the decoys."""
    known = [one for one in score.documented if one.episode.effect.first_day <= view.as_of.date()]
    decoys = [one for one in score.decoys if one.episode.effect.first_day <= view.as_of.date()]
    raised = sum(one.raised is not None for one in known)
    loud = sum(one.raised is not None for one in decoys)
    words = view.say(
        "Raised {raised} of {all} documented episodes; loud on {loud} of {decoys} decoys; {others} other alerts.",
        raised=raised,
        all=len(known),
        loud=loud,
        decoys=len(decoys),
        others=f"{score.unlabelled:,}",
    )
    headers = [
        view.say("Episode"),
        view.say("First seen in"),
        view.say("First raised"),
        view.say("Lead or delay"),
        view.say("Highest level"),
        view.say("Kind"),
    ]
    rows = [_episode_row(one, view) for one in sorted([*known, *decoys], key=_newest)]
    table = parts.table(headers, rows, more="scores") if rows else parts.empty(view.say("No alert is open."))
    return parts.card(view.say("Documented episodes (simulated)"), table, subtitle=words)


def _newest(one: EpisodeResult) -> tuple[bool, int]:
    return one.episode.shock is None, -one.episode.effect.ordinal


def _episode_row(one: EpisodeResult, view: View) -> list[parts.Child]:
    told, decoy = one.episode, one.episode.shock is None
    item = told.items[0]
    kind = view.say("decoy") if told.shock is None else view.shock(told.shock)
    link = parts.link(told.names[view.language], view.link(item_path(item.reporter, item.flow.value, item.hs)))
    name = html.Span([link, html.Small(kind)], className="two")
    if one.raised is None:
        silent = parts.tag(view.say("Stayed silent"), "tag-good") if decoy else missed(view)
        aside = view.shock(one.aside.shock) if one.aside else "–"
        return [name, str(told.effect), silent, "–", "–", aside]
    month = html.Span(
        parts.kept(str(one.raised.period), parts.tag(view.say("False alarm"), "tag-bad") if decoy else None)
    )
    level = parts.level_pill(one.level, view) if one.level else "–"
    return [name, str(told.effect), month, delay(one.delay, view), level, view.shock(one.raised.shock)]


# --- what analysts found -----------------------------------------------------------------------------


def _live(tallies: Sequence[Tally], view: View) -> Component:
    title = view.say("By the analysts' verdicts")
    way = parts.link(view.say("Recalibration"), view.link("/proposals"), "button")
    words = view.say("Alerts closed by hand. Precision: the real ones among those that were real or a false alarm.")
    if not tallies:
        return parts.card(
            title, parts.empty(view.say("Nobody has closed an alert with a verdict yet.")), subtitle=words, actions=way
        )
    headers = [
        view.say("Detector"),
        view.say("Kind"),
        *(view.say(words, context="outcome") for words in OUTCOMES.values()),
        view.say("Precision"),
        view.say("95 % interval"),
    ]
    rows = [_live_row(one, view) for one in tallies]
    return parts.card(title, parts.table(headers, rows, numeric=range(2, 8)), subtitle=words, actions=way)


def _live_row(one: Tally, view: View) -> list[parts.Child]:
    precision = "–" if one.precision is None else f"{one.precision:.0%}"
    counts = [f"{one.outcomes.get(outcome, 0):,}" for outcome in OUTCOMES]
    real, false = (one.outcomes.get(outcome, 0) for outcome in (Outcome.REAL, Outcome.FALSE_ALARM))
    band = interval_words(share(real, real + false))
    return [html.Code(one.detector), view.shock(one.shock), *counts, precision, band]


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("scorecard-episodes", "children"),
        Input("scorecard-episodes", "id"),
        State("url", "search"),
    )
    def show(_place: str, search: str | None) -> Component:
        view = desk.view(search)
        score = demo.score(desk.engine, demo.episodes(), view.as_of)
        return episodes(score, view)
