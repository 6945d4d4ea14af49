"""Headers that keep the pages to themselves: nothing is loaded from, framed by or sent to another host.

A request that can change something must show that a page of this dashboard sent it: browsers say so in
``Sec-Fetch-Site``, older ones and those on plain HTTP in ``Origin``. One that says neither is refused, but where
``access.FROM_ANYWHERE`` lets mail programs in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Flask, Request, Response, abort, request

from cews.dashboard.access import FROM_ANYWHERE
from cews.settings import Settings

# Styles are set inline by the component library, the grid and the charts; scripts are not.
_POLICY: Final = (
    "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
_KEPT: Final = ("/assets/", "/_dash-component-suites/")  # what a browser may keep: the same for everybody
LONGEST_BODY: Final = 8 * 2**20  # bytes; the longest file a page takes is 2 MB, a third longer on its way
_HARMLESS: Final = ("GET", "HEAD", "OPTIONS")


def protect(server: Flask, settings: Settings, script_hashes: Sequence[str]) -> None:
    """Add the headers to every answer; refuse changes that another site's page sends, and bodies no page sends."""
    server.config["MAX_CONTENT_LENGTH"] = LONGEST_BODY
    policy = _POLICY.format(hashes=" ".join(script_hashes))
    always = _HEADERS | (_HSTS if settings.tls else {})

    @server.before_request
    def same_origin() -> None:
        open_to_all = request.url_rule is not None and request.url_rule.rule in FROM_ANYWHERE
        if request.method not in _HARMLESS and not open_to_all and not from_here(request, settings.public_url):
            abort(403, "A page of another site sent this request, or it does not say who did.")

    @server.after_request
    def headers(response: Response) -> Response:
        response.headers.update(always)
        response.headers["Content-Security-Policy"] = policy
        if not request.path.startswith(_KEPT):
            response.headers["Cache-Control"] = "no-store"
        return response


def from_here(asked: Request, public_url: str) -> bool:
    """Whether the browser says that a page of this dashboard sent the request."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return asked.headers.get("Origin") in (asked.host_url.rstrip("/"), public_url.rstrip("/"))
