"""Headers that keep the pages to themselves: nothing is loaded from, framed by or sent to another host."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Request, Response, abort, request

# Styles are set inline by the component library, the grid and the charts; scripts are not.
_POLICY = (
    "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "frame-ancestors 'none'; form-action 'self'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def protect(server: Flask, script_hashes: Sequence[str]) -> None:
    """Add the headers to every answer and refuse callbacks that another site's page sends."""
    policy = _POLICY.format(hashes=" ".join(script_hashes))

    @server.before_request
    def same_origin() -> None:
        if foreign(request):
            abort(403, "A page of another site sent this request.")

    @server.after_request
    def headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = policy
        if request.path.startswith("/_dash-layout") or request.method == "POST":
            response.headers["Cache-Control"] = "no-store"
        return response


def foreign(asked: Request) -> bool:
    """A changing request from a page of another site; browsers say so, other programs say nothing."""
    return asked.method not in ("GET", "HEAD", "OPTIONS") and asked.headers.get(
        "Sec-Fetch-Site", "same-origin"
    ) not in (
        "same-origin",
        "none",
    )
