"""The OpenAPI document, and a plain page of it that needs no script and no other host."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from functools import cache
from hashlib import sha256
from typing import Any, Final

import orjson
from flask import Response, render_template
from flask_openapi3.openapi import OpenAPI

_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1rem; margin: 2rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid #8886; }
"""
_POLICY: Final = "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'"


def register(api: OpenAPI) -> None:
    """Bind the routes; after all others, which it describes."""

    @cache
    def document() -> dict[str, Any]:
        return completed(api.api_doc)

    @api.get("/v1/openapi.json", doc_ui=False)
    def openapi() -> Response:
        return Response(orjson.dumps(document()), content_type="application/json")

    @api.get("/v1/", doc_ui=False)
    def page() -> Response:
        written = render_template("reference.html", style=_STYLE, base=document()["servers"][0]["url"], **document())
        digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
        return Response(written, headers={"Content-Security-Policy": _POLICY.format(hash=digest)}, mimetype="text/html")


def completed(made: dict[str, Any]) -> dict[str, Any]:
    """The document with what its maker cannot say: a parameter may be missing and is never null; If-Match is required,
    though its absence has a status of its own."""
    document = deepcopy(made)
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["required"] = parameter["required"] or parameter["name"] == "If-Match"
                parameter["schema"] = _present(parameter["schema"])
    return document


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that is there."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if not choices:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if len(choices) == 1:
        return {**rest, **choices[0]}
    return {**rest, "anyOf": choices}
