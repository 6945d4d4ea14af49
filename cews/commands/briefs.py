"""``cews brief``: one item, event, supplier or month on a page, or at length."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from cews import briefs, exports
from cews.briefs import page, pdf
from cews.briefs.content import Asked, Kind, Subject
from cews.commands.session import Session, as_of_option, pass_session


@click.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("key")
@click.option("--lang", type=click.Choice(["ko", "en"]), help="Language (default CEWS_LANGUAGE).")
@click.option("--format", "form", type=click.Choice(["html", "pdf"]), default="html", show_default=True)
@click.option("--long", "at_length", is_flag=True, help="Everything, not one page.")
@click.option("--note", default="", help="What the analyst adds; it stands above everything else.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@as_of_option
@pass_session
def brief(
    session: Session,
    kind: str,
    key: str,
    lang: str | None,
    form: str,
    at_length: bool,
    note: str,
    output: Path,
    as_of: datetime | None,
) -> None:
    """Write a brief about KEY: an item (KOR:import:250410), the number of an event, a supplier (CHN) or a month."""
    settings = session.settings
    asked = Asked(lang or settings.language, settings.time_zone, as_of or session.now, at_length)
    made = replace(briefs.compose(session.store, Subject(Kind(kind), key), asked), note=note)
    exports.save(output, pdf.of_brief(made) if form == "pdf" else page.html(made).encode())
    session.say(f"{made.title}: {output}")


COMMANDS = [brief]
