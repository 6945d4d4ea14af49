"""``cews ask``: a sentence, and what the store answers."""

from __future__ import annotations

from datetime import datetime

import click
from rich.markup import escape

from cews.answers import Answer, answer_record, ask, remarks
from cews.asked_filters import KINDS, Filter
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import Level, UserError
from cews.filter_words import label, value_label
from cews.i18n import text
from cews.sentences import level_label
from cews.store.engine import reading


@click.command("ask")
@click.argument("sentence")
@click.option("--without", multiple=True, metavar="FIELD:VALUE", help="Take a filter away, as --json writes it.")
@click.option("--having", multiple=True, metavar="FIELD:VALUE", help="Add a filter, for instance level:severe.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="So many answers at most.")
@click.option("--lang", type=click.Choice(["ko", "en"]), help="Language (default CEWS_LANGUAGE).")
@as_of_option
@json_option
@pass_session
def ask_command(
    session: Session,
    sentence: str,
    without: tuple[str, ...],
    having: tuple[str, ...],
    limit: int,
    lang: str | None,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Answer SENTENCE in Korean or English: items, alerts, events and HS headings, and how it was understood.

    Try "which battery materials got scarcer this spring?" or "비료 원료 중 중국 의존도가 높은 품목".
    """
    for words in (*without, *having):
        if Filter.parse(words) is None:
            raise UserError(f"{words!r} is not a filter; write FIELD:VALUE as `cews ask SENTENCE --json` does")
    language = lang or session.settings.language
    with reading(session.store) as cx:
        answer = ask(
            cx,
            sentence,
            as_of=as_of or session.now,
            language=language,
            without=without,
            having=having,
            limit=limit,
        )
    if as_json:
        print_json(answer_record(answer))
    else:
        _tell(session, answer, language)


def _tell(session: Session, answer: Answer, language: str) -> None:
    understood = " · ".join(label(one, language) for one in answer.question.filters)
    if understood:
        session.say(f"{text('Understood as', language)}: {escape(understood)}")
    if answer.question.words:
        session.say(f"{text('Looked up by name', language)}: {escape(' '.join(answer.question.words))}")
    for words in remarks(answer, language):
        session.say(escape(words))
    for kind in KINDS:
        if hits := answer.of(kind):
            session.say(f"[bold]{value_label(Filter('kind', kind), language)}[/bold]")
        for hit in hits:
            level = [level_label(Level(hit.line.level), language)] if hit.line else []
            session.say(
                f"  [bold]{escape(hit.title)}[/bold] {hit.item or hit.key}  {escape(' · '.join([*level, *hit.why]))}"
            )


COMMANDS = [ask_command]
