"""The dashboard as a WSGI application: ``gunicorn app:server``."""

from cews.dashboard.application import from_environment

app = from_environment()
server = app.server
