"""E-mail: a notice rendered as a message. Pure; ``cews.notify.smtp`` carries it.

The message is multipart: plain text, and HTML with its styles inlined and its chart attached, so that it
needs nothing from the network. Headers are set through :class:`email.message.EmailMessage` and
:class:`email.headerregistry.Address` only, which refuse line breaks; names that come from data are cleaned
of control and direction characters before.
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr
from functools import cache
from io import StringIO
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from cews import countries, formats, measure_words, sentences
from cews.alerts import action
from cews.domain import SLOW, AlertState, ChangeKind, Finding, Flow, Level, NoticeReason, SettingsError
from cews.i18n import text
from cews.notify import DigestView, NoticeView, TextView, View

SUBJECT_LENGTH: Final = 78
SHOWN: Final = 100  # alerts a digest shows; all of them are in its table

_SHAPES: Final = {Level.ATTENTION: "●", Level.CAUTION: "■", Level.ALERT: "▲", Level.SEVERE: "◆"}
_COLOURS: Final = {
    Level.ATTENTION: "#2a66a8",
    Level.CAUTION: "#856300",
    Level.ALERT: "#a94c00",
    Level.SEVERE: "#c4261d",
}
_ENDED: Final = ("○", "#5a6775")


class _Policy(EmailPolicy):
    """The usual policy, with names and subjects outside printable ASCII encoded as a whole, and addresses left whole.

    That of Python 3.11 loses or adds blanks where such a header is folded ("급감 —" arrives as "급감—"), and
    before 3.11.10 lets a line break out of an encoded word (CVE-2024-6923).
    """

    def fold(self, name: str, value: Any) -> str:
        return _encoded(name, value, self.linesep) or str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        encoded = _encoded(name, value, self.linesep)
        return encoded.encode("ascii") if encoded else bytes(super().fold_binary(name, value))


def _encoded(name: str, value: Any, linesep: str) -> str | None:
    """The header line where the usual policy would fold it wrongly, else None."""
    if name.lower() == "list-unsubscribe":  # a long address would come out as an encoded word, which nobody can follow
        return f"{name}: {str(value).replace(', ', f',{linesep} ')}{linesep}"
    addresses: tuple[Address, ...] = getattr(value, "addresses", ())
    address = addresses[0] if len(addresses) == 1 else None
    words = address.display_name if address else str(value)
    if words.isascii() and words.isprintable():
        # Python would fold a long subject at once, and it would come with a blank before it.
        return f"{name}: {words}{linesep}" if name.lower() == "subject" else None
    if address and not address.addr_spec.isascii():
        return None
    line = Header(one_line(words), "utf-8", header_name=name).encode(linesep=linesep)
    return f"{name}: {line} <{address.addr_spec}>{linesep}" if address else f"{name}: {line}{linesep}"


# --- rendering ---------------------------------------------------------------------------------------


def render(view: View, sender: Address) -> EmailMessage:
    """The view as a message. The same view gives the same headers and words, whenever it is rendered."""
    return compose(view, sender)[0]


def compose(view: View, sender: Address) -> tuple[EmailMessage, str]:
    """The message, and what was wrong with its layout (empty = nothing).

    Where a template or a picture is broken the reader gets plain text: words late are worse than words unadorned.
    """
    view = _cleaned(view)
    try:
        message = _envelope(view, sender, title(view))
        _lay_out(message, view)
    except Exception as error:  # whatever it is, the reader must be told
        message = _envelope(view, sender, _unadorned(view)[0])
        message.set_content("\n\n".join(_unadorned(view)))
        return message, f"{type(error).__name__}: {error}"
    return message, ""


def _envelope(view: View, sender: Address, subject_line: str) -> EmailMessage:
    message = EmailMessage(_Policy())
    message["From"] = sender
    message["To"] = Address(view.recipient, addr_spec=view.address)
    message["Subject"] = subject_line
    message["Date"] = view.created_at
    message["Message-ID"] = view.message_id
    message["References"] = view.thread_id
    message["In-Reply-To"] = view.thread_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    _add_unsubscribe(message, view, sender)
    return message


def _add_unsubscribe(message: EmailMessage, view: View, sender: Address) -> None:
    """By mail, and where there is an https address by one click, which mail programs send themselves (RFC 8058)."""
    by_mail = f"<mailto:{sender.addr_spec}?subject={quote('unsubscribe ' + view.address)}>"
    leave = "" if isinstance(view, TextView) else view.leave
    message["List-Unsubscribe"] = f"<{leave}>, {by_mail}" if leave else by_mail
    if leave.startswith("https://"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _lay_out(message: EmailMessage, view: View) -> None:
    """The body in its parts: plain text, HTML, and what belongs to it."""
    name, content, picture = _template(view)
    message.set_content(_templates().get_template(f"{name}.txt").render(content))
    image = f"chart.{view.message_id.strip('<>')}" if picture else ""
    html = _templates().get_template(f"{name}.html").render(content, chart=image)
    message.add_alternative(css_inline.inline(html), subtype="html")
    if picture:
        _attach(message, picture, f"<{image}>")
    if isinstance(view, DigestView) and len(view.entries) > SHOWN:
        message.add_attachment(_table(view), subtype="csv", filename="alerts.csv")
    message["Content-Language"] = view.language  # last: making the message multipart drops it


def _template(view: View) -> tuple[str, dict[str, Any], bytes | None]:
    """Name of the template, every word of the mail, and its picture."""
    if isinstance(view, NoticeView):
        return "notice", _content(view), _picture(view)
    if isinstance(view, DigestView):
        return "digest", _digest_content(view), None
    return "text", _text_content(view), None


def _cleaned(view: View) -> View:
    """Names come from data: none of them may reach a header as it is."""
    if isinstance(view, NoticeView):
        return replace(view, item_name=one_line(view.item_name), recipient=one_line(view.recipient))
    if isinstance(view, DigestView):
        entries = tuple(replace(one, item_name=one_line(one.item_name)) for one in view.entries)
        return replace(view, recipient=one_line(view.recipient), event=one_line(view.event), entries=entries)
    return replace(view, recipient=one_line(view.recipient), title=one_line(view.title))


def title(view: View) -> str:
    """The subject of a mail."""
    if isinstance(view, NoticeView):
        return subject(view)
    return _digest_subject(view) if isinstance(view, DigestView) else f"[C-EWS] {view.title}"[:SUBJECT_LENGTH]


def _unadorned(view: View) -> tuple[str, ...]:
    """Subject and words without a template: what has changed for which item, and where to look."""
    if isinstance(view, TextView):
        return view.title, view.words, view.link
    if isinstance(view, NoticeView):
        return _plain_words(view), *(sentences.sentence(one, view.language) for one in view.change.reasons), view.link
    return "C-EWS", *(f"{_plain_words(one)}\n{one.link}" for one in view.entries), view.link


def _plain_words(view: NoticeView) -> str:
    level = sentences.level_label(view.alert.level, view.language)
    return f"{level}: {view.alert.item} {view.change.kind.value} {view.change.period}"


def subject(view: NoticeView) -> str:
    """At most 78 characters: the tag always, then as much of item, story and number as fits."""
    language, alert = view.language, view.alert
    mark = f"[{text('Simulated', language)}] " if alert.simulated else ""
    start, shock = f"{mark}[{tag(view)}] ", sentences.shock_label(alert.shock, language)
    told = start + _told(view.item_name, sentences.what_happened(alert, language), language)
    short = start + _told(view.item_name, shock, language)
    forms = [*_with_figure(view, told), *_with_figure(view, short)[1:], told, short]
    fitting = next((form for form in forms if len(form) <= SUBJECT_LENGTH), None)
    if fitting is not None:
        return fitting
    room = SUBJECT_LENGTH - len(start + _told("…", shock, language))
    return start + _told(f"{view.item_name[:room]}…", shock, language)


def _told(name: str, what: str, language: str) -> str:
    return text("{name}: {what}", language, name=name, what=what)


def _with_figure(view: NoticeView, told: str) -> tuple[str, ...]:
    finding = view.alert.last_finding
    if finding is None or not _is_open(view):
        return ()
    figure, change = (sentences.key_figure(finding, view.language, short=short) for short in (False, True))
    return f"{told} — {figure}", f"{told} ({change})"


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("cews.notify"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _content(view: NoticeView) -> dict[str, Any]:
    """Every word of the mail; the templates only lay it out."""
    language, alert = view.language, view.alert
    shape, colour = (_SHAPES[alert.level], _COLOURS[alert.level]) if _is_open(view) else _ENDED
    simulated = text("Simulated data: no statement about real trade.", language) if alert.simulated else ""
    return {
        "language": language,
        "subject": subject(view),
        "system": text("Supply-chain early warning", language),
        "simulated": simulated,
        "tag": tag(view),
        "shape": shape,
        "colour": colour,
        "headline": headline(view),
        "why": f"{sentences.notice_label(view.reason, language)} {_movement(view)}".rstrip(),
        "figures": _figures(view),
        "reasons_title": text("Why", language, context="mail"),
        "reasons": [sentences.sentence(reason, language) for reason in view.change.reasons],
        "chart_text": _chart_text(view),
        "action_title": text("Recommended action", language),
        "action": recommended(view),
        "facts": _facts(view),
        "link": view.link,
        "link_title": text("Open the alert", language),
        "footer": _footer(view, view.change.as_of),
        "leave": view.leave,
        "leave_title": text("Stop these notices", language),
    }


def _digest_content(view: DigestView) -> dict[str, Any]:
    language = view.language
    simulated = any(entry.alert.simulated for entry in view.entries)
    return {
        "language": language,
        "subject": _digest_subject(view),
        "system": text("Supply-chain early warning", language),
        "simulated": text("Simulated data: no statement about real trade.", language) if simulated else "",
        "headline": view.event or _number("1 alert has changed", "{n} alerts have changed", view),
        "why": event_label(view.why, language) if view.why else text(_WHY_DIGEST, language),
        "levels": _counted(view.entries, language),
        "entries": [_entry(entry, view.why) for entry in view.entries[:SHOWN]],
        "rest": _rest(view),
        "action_title": text("Recommended action", language),
        "action": recommended(view.entries[0]) if view.event else "",
        "colour": _COLOURS[view.entries[0].alert.level],
        "link": view.link,
        "link_title": text("Open the event" if view.event else "Open the alerts", language),
        "footer": _footer(view, max(entry.change.as_of for entry in view.entries)),
        "leave": view.leave,
        "leave_title": text("Stop these notices", language),
    }


_WHY_DIGEST: Final = "They are told together, as you asked or because there were many at once."


def _digest_subject(view: DigestView) -> str:
    """What it is, and how many alerts of which level are in it."""
    language = view.language
    simulated = any(entry.alert.simulated for entry in view.entries)
    mark = f"[{text('Simulated', language)}] " if simulated else ""
    tag = text("Event" if view.event else "Digest", language, context="mail")
    levels = ", ".join(f"{label} {number}" for label, number in _counted(view.entries, language))
    told = _number("1 alert", "{n} alerts", view) + (f" ({levels})" if levels else "")
    long = f"{mark}[{tag}] {view.event}: {told}" if view.event else f"{mark}[{tag}] {told}"
    return long if len(long) <= SUBJECT_LENGTH else f"{long[: SUBJECT_LENGTH - 1]}…"


def _number(one: str, many: str, view: DigestView) -> str:
    count = len(view.entries)
    return text(one if count == 1 else many, view.language, n=count)


def event_label(why: NoticeReason, language: str) -> str:
    """Why a notice about an event is sent, as a sentence."""
    first = why is NoticeReason.FIRST
    return text("This is the first notice on this event.", language) if first else sentences.notice_label(why, language)


def _counted(entries: Sequence[NoticeView], language: str) -> list[tuple[str, int]]:
    """How many alerts there are of each level, the highest first, and how many have ended."""
    numbers = Counter(entry.alert.level for entry in entries if _is_open(entry))
    levels = [(sentences.level_label(level, language), numbers[level]) for level in sorted(numbers, reverse=True)]
    ended = len(entries) - numbers.total()
    return [*levels, (text("Ended", language, context="mail"), ended)] if ended else levels


def _entry(view: NoticeView, told: NoticeReason | None) -> dict[str, str]:
    """``told`` is what the mail says above of all of them."""
    shape, colour = (_SHAPES[view.alert.level], _COLOURS[view.alert.level]) if _is_open(view) else _ENDED
    label = "" if view.reason is told else sentences.notice_label(view.reason, view.language)
    why = f"{label} {_movement(view)}".strip()
    words = {"tag": tag(view), "shape": shape, "colour": colour, "headline": headline(view)}
    return words | {"why": why, "known": known_since(view), "link": view.link}


def known_since(view: NoticeView) -> str:
    """The second clock of an alert, and how bad it is: "Known since January 15, 2024 · Severity 98/100"; of its end
    when that became knowable."""
    language = view.language
    if not _is_open(view):
        return f"{text('Data as of', language)} {formats.day(view.change.as_of, view.zone, language)}"
    known = f"{text('Known since', language)} {formats.day(view.alert.opened_as_of, view.zone, language)}"
    if view.severity is None:
        return known
    return f"{known} · {text('Severity', language)} {sentences.severity_number(view.severity)}/100"


def _rest(view: DigestView) -> str:
    more = len(view.entries) - SHOWN
    return text("{n} more alerts are listed in the attached table.", view.language, n=more) if more > 0 else ""


def _table(view: DigestView) -> str:
    """Every alert of a digest as CSV, those of the mail too."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["item", "name", "level", "reason", "period", "known_since", "headline", "link"])
    for one in view.entries:
        words = [str(one.alert.item), one.item_name, one.alert.level.slug, one.reason.value, str(one.change.period)]
        known = one.alert.opened_as_of.astimezone(ZoneInfo(one.zone)).date().isoformat()
        writer.writerow([formats.no_formula(cell) for cell in [*words, known, headline(one), one.link]])
    return out.getvalue()


def _text_content(view: TextView) -> dict[str, Any]:
    language = view.language
    words = {"language": language, "subject": view.title, "system": text("Supply-chain early warning", language)}
    link = {"link": view.link, "link_title": text("Open C-EWS", language)}
    return words | link | {"headline": view.title, "words": view.words.split("\n"), "simulated": "", "footer": ""}


def _is_open(view: NoticeView) -> bool:
    return view.alert.state is AlertState.OPEN


def tag(view: NoticeView) -> str:
    """The level; after the first notice with what became of it, and only that once the alert has ended."""
    change = sentences.change_label(view.change.kind, view.language)
    if not _is_open(view):
        return change
    level = sentences.level_label(view.alert.level, view.language)
    return level if view.reason is NoticeReason.FIRST else f"{level} · {change}"


def _movement(view: NoticeView) -> str:
    """The change of level: "주의 → 심각."."""
    before, after = view.change.level_before, view.change.level_after
    if before is None or after is None or before is after:
        return ""
    return f"{sentences.level_label(before, view.language)} → {sentences.level_label(after, view.language)}."


def headline(view: NoticeView) -> str:
    """What happened, in one line with its numbers."""
    language, alert = view.language, view.alert
    if _is_open(view):
        return sentences.headline(alert, view.item_name, language)
    retracted = view.change.kind is ChangeKind.RETRACTED
    template = "{name} ({hs}): alert withdrawn: {what}" if retracted else "{name} ({hs}): alert closed: {what}"
    what = sentences.what_happened(alert, language)
    return text(template, language, name=view.item_name, hs=alert.item.hs, what=what)


def _figures(view: NoticeView) -> list[tuple[str, str]]:
    """Observed, expected and the difference, of what the newest finding measures and says of whom; nothing once the
    alert has ended."""
    finding, language = view.alert.last_finding, view.language
    if finding is None or not _is_open(view):
        return []
    if finding.shock in SLOW:
        return sentences.share_figures(finding, language)
    observed = formats.amount(finding.observed, finding.unit, language, like=finding.expected)
    expected = formats.amount(finding.expected, finding.unit, language, like=finding.observed)
    return [
        (_measured(finding, language), observed),
        (text("Expected", language), expected),
        (text("Against expected", language), formats.percent(finding.change, arrow=True)),
    ]


def _measured(finding: Finding, language: str) -> str:
    """Whose month the figures are: those of a supplier that left are its own, all others the item's total."""
    month = formats.period(finding.period, language)
    partner = sentences.partner_measured(finding)
    if partner is not None:
        return text("{month}, {partner}", language, month=month, partner=countries.name(partner, language))
    return text("{month}, all partners", language, month=month)


def recommended(view: NoticeView) -> str:
    """What practice does at the level; after the end, that nothing needs to be done."""
    if view.change.kind is ChangeKind.RETRACTED:
        return text("Please disregard the earlier notices on this alert; no action is needed.", view.language)
    if view.change.kind is ChangeKind.CLOSED:
        return text("No further action is needed. Routine monitoring goes on.", view.language)
    return text(action(view.alert.level, view.alert.item.flow, view.alert.shock), view.language)


def _facts(view: NoticeView) -> list[tuple[str, str]]:
    language, alert = view.language, view.alert
    flow = text("Import" if alert.item.flow is Flow.IMPORT else "Export", language, context="flow")
    partner = [] if alert.partner is None else [(text("Partner", language), countries.name(alert.partner, language))]
    counts = view.severity if _is_open(view) else None
    severity = [(text("Severity", language), sentences.severity_line(counts, language))] if counts else []
    story = [(text("Story", language), sentences.story_line(view.story, language))] if view.story else []
    decreed = [(text("Announced measure", language), measure_words.line(one, language)) for one in view.measures]
    evidence = [] if alert.last_finding is None else [_history(alert.last_finding, language)]
    return [
        (text("Item", language), f"{view.item_name} (HS {alert.item.hs})"),
        (text("Reporter and flow", language), f"{countries.name(alert.item.reporter, language)} · {flow}"),
        *partner,
        (text("Class", language), sentences.shock_label(alert.shock, language)),
        (text("First month", language), formats.period(alert.opened_period, language)),
        (text("Known since", language), formats.day(alert.opened_as_of, view.zone, language)),
        (text("Data as of", language), formats.day(view.change.as_of, view.zone, language)),
        *decreed,
        *story,
        *severity,
        *evidence,
        (text("Source", language), text(view.source_name, language) if view.source_name else alert.source),
    ]


def _history(finding: Finding, language: str) -> tuple[str, str]:
    return text("History used", language), formats.months(finding.history_months, language)


def _chart_text(view: NoticeView) -> str:
    if any(point.expected is not None for point in view.chart):
        return text(_EXPECTED_SHOWN, view.language)
    return text("All partners together. Line: observed; diamond: the month of this notice.", view.language)


_EXPECTED_SHOWN: Final = (
    "All partners together. Solid line: observed; dashed line and band: expected and its 95 % range; "
    "diamond: the month of this notice."
)


_FOOTERS: Final = {
    NoticeView: "{recipient} gets this mail because of a subscription to this item. "
    "Figures are those known on {day} and may be revised.",
    DigestView: "{recipient} gets this mail because of a subscription to these items. "
    "Figures are those known on {day} and may be revised.",
}


def _footer(view: NoticeView | DigestView, as_of: datetime) -> str:
    return text(
        _FOOTERS[type(view)],
        view.language,
        recipient=view.recipient,
        day=formats.day(as_of, view.zone, view.language),
    )


def _picture(view: NoticeView) -> bytes | None:
    finding = view.alert.last_finding
    if finding is None or not view.chart or not _is_open(view):
        return None
    from cews.notify import chart  # here, because Matplotlib takes long to load and few commands draw

    return chart.png(view.chart, finding.unit, _COLOURS[view.alert.level])


def _attach(message: EmailMessage, picture: bytes, content_id: str) -> None:
    html = message.get_body(("html",))
    if html is None:
        raise ValueError("a message without an HTML part cannot hold a picture")
    html.add_related(picture, "image", "png", cid=content_id, disposition="inline", filename="chart.png")


def one_line(name: str) -> str:
    """A name fit for a header: without control characters, those that turn the reading direction, and encoded words."""
    kept = (
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name if unicodedata.category(c) != "Cf"
    )
    return " ".join("".join(kept).replace("=?", "= ?").split())


def parse_sender(sender: str) -> Address:
    """``"C-EWS <cews@example.org>"`` → address. Raises SettingsError."""
    name, spec = parseaddr(sender)
    try:
        return Address(one_line(name), addr_spec=spec)
    except (ValueError, IndexError) as error:
        raise SettingsError(
            f"CEWS_MAIL_FROM is {sender!r}, which is no sender; write it as C-EWS <cews@example.org>"
        ) from error
