"""The Dash application: ``create_app(engine, settings)``.

It serves everything itself: no outside host is asked for anything. Nobody gets in without a session, and nothing is
answered that ``access`` does not allow the role; what it writes are sessions, and changes that people make.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from dash import Dash
from flask import Flask, request
from flask_compress import Compress
from werkzeug.middleware.proxy_fix import ProxyFix

from cews import settings as configuration
from cews.api.application import mount
from cews.dashboard import access, brief_files, doors, downloads, open_doors, routes, security, shell
from cews.dashboard.desk import Desk
from cews.dashboard.session import Sessions
from cews.dashboard.view import COOKIE
from cews.i18n import LANGUAGES
from cews.oidc import Client
from cews.settings import Settings
from cews.store.engine import Engine, connect

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


def create_app(engine: Engine, settings: Settings, *, demo: bool = False) -> Dash:
    """The dashboard over a store; ``.server`` is the WSGI application. A ``demo`` is entered by one click.

    Raises SettingsError when a provider is set incompletely.
    """
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
    desk = Desk(engine, settings, demo)
    app.layout = lambda: shell.shell(desk.view(""))
    routes.register(app, desk)
    downloads.register(app.server, desk)
    brief_files.register(app.server, desk)
    app.server.config.update(
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=5,
        COMPRESS_MIN_SIZE=1024,
        COMPRESS_CACHE_BACKEND=_Compressed,
        COMPRESS_CACHE_KEY=lambda asked: asked.path if asked.path.startswith(_SCRIPTS) else "",
    )
    Compress(app.server)
    sessions = Sessions(engine, settings)
    security.protect(app.server, settings, tuple(app.csp_hashes()))
    access.guard(app.server, sessions, settings.public_view)
    doors.register(app.server, doors.Doors(engine, settings, sessions, None if demo else Client.of(settings), demo))
    open_doors.register(app.server, engine, settings)
    mount(app.server, engine, settings)
    if settings.proxies:
        app.server.wsgi_app = ProxyFix(app.server.wsgi_app, settings.proxies, settings.proxies)
    app.server.test_client().get("/")  # Dash registers its scripts on the first request, which must not race
    return app


def from_environment() -> Dash:
    """The dashboard over the store that the settings name; see docs/operations/settings.md."""
    loaded = configuration.load()
    return create_app(connect(loaded.store_url), loaded)


def wsgi() -> Flask:
    """For a WSGI server that calls a factory: ``gunicorn 'cews.dashboard.application:wsgi()'``."""
    server: Flask = from_environment().server
    return server
