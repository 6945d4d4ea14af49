"""The page of a snapshot: what is in it, of when, from whom, on what terms, and how to check it. Pure."""

from __future__ import annotations

from base64 import b64encode
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cews import __version__
from cews.extracts import field_of
from cews.i18n import text

if TYPE_CHECKING:
    from cews.open_data import Snapshot


PAGES: Final = {"ko": "index.html", "en": "index.en.html"}


def html(made: Snapshot, language: str) -> str:
    """The page in a language; it names nothing outside its folder but the addresses of the sources."""
    return render("index.html", language, made=made, size=_size, unit=lambda name: field_of(name).unit.strip("`"))


def render(template: str, language: str, **values: object) -> str:
    """A page of ours: its style is in it, and nothing else may be loaded."""
    style = _style()
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            language=language,
            say=partial(_say, language),
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{digest}'",
            version=__version__,
            **values,
        )
    )


def _say(language: str, message: str, **values: str) -> str:
    return text(message, language, **values)


def _size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


@cache
def _style() -> str:
    return files("cews.open_data").joinpath("templates", "index.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cews.open_data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
