"""The dashboard as a WSGI application: ``gunicorn app:server``."""

from cews import settings
from cews.dashboard.application import create_app
from cews.store import engine

loaded = settings.load()
app = create_app(engine.connect(loaded.store_url), loaded)
server = app.server
