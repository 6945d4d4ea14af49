"""What the store knows as the records of the answers; their shapes are those of ``cews.api.schemas``. Pure."""

from __future__ import annotations

from cews import countries
from cews.domain import AlertChange, Finding, ItemKey, Level
from cews.handling import Handling
from cews.records import Record, change_record, finding_record, item_record
from cews.sentences import event_name, headline
from cews.store.alert_lines import AlertLine
from cews.store.audit import Entry
from cews.store.events import Card
from cews.store.handling import Comment
from cews.store.pages import Observation
from cews.store.queries import ItemName


def item(key: ItemKey) -> Record:
    return {"id": str(key), **item_record(key)}


def named(name: ItemName, language: str) -> Record:
    return item(name.item) | {
        "name": name.label(language),
        "name_ko": name.ko,
        "name_en": name.en,
        "grade": name.grade or None,
        "uses": list(name.uses),
    }


def level(number: int | None) -> str | None:
    return Level(number).slug if number is not None else None


def finding(found: Finding, language: str) -> Record:
    return finding_record(found, language) | {"item": item(found.item)}


def alert(line: AlertLine, language: str, *, replayed: bool) -> Record:
    """An alert; how people deal with it is known for now only."""
    name = line.name.label(language)
    return {
        "id": line.id,
        "item": named(line.name, language),
        "headline": headline(line.finding, name, language) if line.finding is not None else None,
        "state": line.state,
        "level": level(line.level) if line.state == "open" else None,
        "peak_level": level(line.peak_level),
        "class": line.shock,
        "partner": line.partner,
        "partner_name": countries.name(line.partner, language) if line.partner else None,
        "opened": str(line.opened_period),
        "opened_as_of": line.opened_as_of,
        "changed_as_of": line.changed_as_of,
        "period": str(line.period),
        "event": line.event,
        "source": line.source,
        "simulated": line.simulated,
        "finding": finding(line.finding, language) if line.finding is not None else None,
        "handling": None if replayed else handling(line.handling),
    }


def handling(dealt: Handling) -> Record:
    return {
        "stage": dealt.stage.value,
        "outcome": dealt.outcome.value if dealt.outcome else None,
        "assignee": dealt.assignee or None,
        "snoozed_until": dealt.snoozed_until,
        "closed_level": level(dealt.closed_level),
        "version": dealt.version,
        "changed_at": dealt.changed_at,
    }


def change(done: AlertChange, language: str) -> Record:
    record = change_record(done, language)
    kept = {name: record[name] for name in ("change", "as_of", "period", "level", "level_before", "class", "partner")}
    found = finding(done.finding, language) if done.finding is not None else None
    return kept | {"reasons": record["reasons"], "finding": found}


def decision(entry: Entry) -> Record:
    return {"at": entry.at, "actor": entry.actor, "action": entry.action, "detail": dict(entry.detail)}


def comment(said: Comment) -> Record:
    return {"id": said.id, "author": said.author, "written_at": said.written_at, "body": said.body}


def event(card: Card, language: str) -> Record:
    return {
        "id": card.id,
        "key": card.key,
        "cause": card.cause.value,
        "reporter": card.reporter,
        "flow": card.flow.value,
        "partner": card.partner,
        "name": event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, language),
        "name_ko": card.name_ko,
        "name_en": card.name_en,
        "first_period": str(card.first_period),
        "known_since": card.known_since,
        "level": level(card.level),
        "alerts": list(card.alerts),
        "open_alerts": list(card.open_alerts),
    }


def observation(one: Observation) -> Record:
    return {
        "source": one.source,
        "item": item(one.item),
        "partner": one.partner,
        "period": str(one.period),
        "value_usd": one.value_usd,
        "net_weight_kg": one.net_weight_kg,
        "quantity": one.quantity,
        "quantity_unit": one.quantity_unit or None,
        "hs_edition": one.hs_edition or None,
        "known_from": one.known_from,
        "presumed": one.presumed,
        "release": one.release,
    }
