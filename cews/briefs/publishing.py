"""Use case: a note on a draft, and a brief published for good; both stand in the audit log."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cews.briefs import compose, pdf
from cews.briefs.content import Asked, Subject
from cews.store import audit
from cews.store import briefs as stored
from cews.store.briefs import Address, Draft, Published
from cews.store.engine import Connection, Engine, writing


def address_of(subject: Subject, asked: Asked) -> Address:
    return Address(subject.kind.value, subject.key, asked.language, asked.long)


def keep_note(engine: Engine, of: Address, note: str, *, actor: str, now: datetime, seen: int) -> Draft:
    """Write the note of the draft seen as ``seen``. Raises ConflictError, and UserError on one that is too long."""
    with writing(engine) as cx:
        audit.lock(cx)
        kept = stored.keep_note(cx, of, note.strip(), author=actor, now=now, seen=seen)
        _tell(cx, "note", of, {"edits": kept.edits, "note": kept.note}, actor, now)
    return kept


def publish(
    engine: Engine, subject: Subject, asked: Asked, note: str, *, actor: str, now: datetime, seen: int
) -> Published:
    """Compose, lay out and keep the next version. Raises ConflictError, and UserError where nothing is known."""
    brief = replace(compose(engine, subject, asked), note=note.strip())
    html, of = pdf.fitting(brief), address_of(subject, asked)
    with writing(engine) as cx:
        audit.lock(cx)
        kept = stored.publish(
            cx, of, title=brief.title, html=html, as_of=asked.as_of, note=brief.note, author=actor, now=now, seen=seen
        )
        told = {"id": kept.id, "version": kept.version, "sha256": kept.sha256, "as_of": asked.as_of}
        _tell(cx, "publish", of, told, actor, now)
    return kept


def _tell(cx: Connection, action: str, of: Address, detail: dict[str, object], actor: str, now: datetime) -> None:
    form = "long" if of.long else "short"
    subject = f"brief {of.kind} {of.key} {of.language} {form}"
    audit.append(cx, actor=actor, action=action, subject=subject, detail=detail, now=now)
