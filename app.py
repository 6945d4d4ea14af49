"""The dashboard as a WSGI application: ``gunicorn app:server``."""

from cews.dashboard.application import create_app

from cews import settings
from cews.store import engine

app = create_app(engine.connect(settings.load().store_url), settings.load())
server = app.server
