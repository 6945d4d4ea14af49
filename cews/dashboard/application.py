"""The Dash application: ``create_app(engine, settings)``.

It serves everything itself (no outside host is asked for anything), reads the store and writes nothing.
There is no sign-in yet: it must listen on 127.0.0.1 or behind something that signs people in.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from dash import Dash
from flask import request
from flask_compress import Compress

from cews.dashboard import routes, security, shell
from cews.dashboard.view import COOKIE
from cews.i18n import LANGUAGES
from cews.settings import Settings
from cews.store.engine import Engine

_INDEX = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="/assets/logo.svg">
<script src="/assets/boot/scheme.js"></script>
{css}
</head>
<body>
{app_entry}
<footer>
{config}
{scripts}
{renderer}
</footer>
</body>
</html>"""


_SCRIPTS = "/_dash-component-suites/"


class _Compressed(dict[str, bytes]):
    """Compressed scripts of the installed packages, which never change while we run; nothing else is kept."""

    def set(self, key: str, content: bytes) -> None:
        if _SCRIPTS in key:
            self[key] = content


class _Application(Dash):
    """Dash whose first page names its language."""

    default_language = "ko"

    def interpolate_index(self, *_: Any, **parts: Any) -> str:
        language = request.cookies.get(COOKIE)
        chosen = language if language in LANGUAGES else self.default_language
        wanted = ("title", "css", "app_entry", "config", "scripts", "renderer")
        return _INDEX.format(language=chosen, **{name: parts[name] for name in wanted})


def create_app(engine: Engine, settings: Settings) -> Dash:
    """The dashboard over a store; ``.server`` is the WSGI application."""
    app = _Application(
        "cews.dashboard",
        assets_folder=str(files("cews.dashboard") / "assets"),
        assets_ignore=r"^scheme\.js$",
        use_pages=False,
        pages_folder="",
        title="C-EWS",
        update_title="",
        serve_locally=True,
        suppress_callback_exceptions=True,  # components of a page come and go; a test checks their names
        enable_mcp=False,
        add_log_handler=False,
    )
    app.default_language = settings.language
    desk = routes.Desk(engine, settings)
    app.layout = lambda: shell.shell(desk.view(""))
    routes.register(app, desk)
    app.server.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        COMPRESS_MIN_SIZE=1024,
        COMPRESS_CACHE_BACKEND=_Compressed,
        COMPRESS_CACHE_KEY=lambda asked: asked.path if asked.path.startswith(_SCRIPTS) else "",
    )
    Compress(app.server)
    security.protect(app.server, tuple(app.csp_hashes()))
    app.server.test_client().get("/")  # Dash registers its scripts on the first request, which must not race
    return app
