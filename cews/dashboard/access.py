"""Who may do what: the one table, and the gate that asks it before every request.

What stands in no table is refused, so that a route or a callback added without a thought is closed, not open.
The role is read from the store for each request; hiding a button is a courtesy, never the protection.

In a replay (``?as_of=``) nothing can be changed: a callback that asks for more than a viewer changes something, unless
it stands among those that only look, and what changes something is refused where its page shows a past day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import Conflict, Forbidden

from cews import leaving
from cews.accounts import Account, Role
from cews.dashboard.session import Sessions
from cews.oidc import CALLBACK

LEAVING: Final = f"{leaving.PATH}/<token>"  # what it does stands signed in the address
FROM_ANYWHERE: Final = frozenset({LEAVING})  # POSTs that no page of ours need have sent: mail programs send them
PUBLIC: Final = frozenset(  # answered without a session: nothing of these says anything about the store's content
    {
        "/sign-in",
        "/sign-in/provider",
        CALLBACK,
        "/healthz",
        "/readyz",
        "/metrics",  # by a token of its own
        LEAVING,
        "/assets/<path:filename>",
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    }
)
OPEN: Final = frozenset({"/public", "/public/scorecard", "/suggest"})  # to everybody where the operator says so
ROUTES: Final[Mapping[str, Role]] = {
    "/": Role.VIEWER,
    **dict.fromkeys(OPEN, Role.VIEWER),
    "/<path:path>": Role.VIEWER,  # the same empty frame for every page; what is in it comes by callbacks
    "/sign-out": Role.VIEWER,
    "/password": Role.VIEWER,
    "/export/<path:wanted>": Role.VIEWER,
    "/brief/<int:number>.<form>": Role.VIEWER,
    "/brief/draft/<kind>/<key>.<form>": Role.VIEWER,
    "/export/audit.<form>": Role.MANAGER,
    "/_dash-layout": Role.VIEWER,
    "/_dash-dependencies": Role.VIEWER,
    "/_dash-update-component": Role.VIEWER,  # and what CALLBACKS says
}
CALLBACKS: Final[Mapping[str, Role]] = {  # by the first thing a callback answers with
    "content.children": Role.VIEWER,  # and what PAGES says
    "search-results.children": Role.VIEWER,
    "replay-choices.children": Role.VIEWER,
    "alerts-grid.getRowsResponse": Role.VIEWER,
    "alerts-total.children": Role.VIEWER,
    "panel-inner.children": Role.VIEWER,
    "decision-made.data": Role.ANALYST,
    "event-body.children": Role.VIEWER,
    "item-outlook.children": Role.VIEWER,
    "item-nowcast.children": Role.VIEWER,
    "suppliers-body.children": Role.VIEWER,
    "supplier-body.children": Role.VIEWER,
    "brief-body.children": Role.ANALYST,
    "compare-body.children": Role.VIEWER,
    "compare-results.children": Role.VIEWER,
    "watch-list.children": Role.ANALYST,
    "watch-found.children": Role.ANALYST,
    "watch-entry.children": Role.ANALYST,
    "watch-preview.children": Role.ANALYST,
    "watch-file.data": Role.VIEWER,
    "measure-said.children": Role.ANALYST,
    "measure-preview.children": Role.ANALYST,
    "release-body.children": Role.MANAGER,
    "rejects-file.data": Role.VIEWER,
    "jobs-live.children": Role.VIEWER,
    "jobs-said.children": Role.MANAGER,
    "notice-state.children": Role.MANAGER,
    "recipient-told.children": Role.MANAGER,
    "recipient-wishes.children": Role.MANAGER,
    "recipient-channels.children": Role.MANAGER,
    "recipient-rehearsed.children": Role.VIEWER,
    "rehearsal.children": Role.VIEWER,
    "silences-list.children": Role.MANAGER,
    "scorecard-episodes.children": Role.VIEWER,
    "proposals-list.children": Role.MANAGER,
    "suggestions-list.children": Role.ANALYST,
    "audit-chain.children": Role.MANAGER,
    "users-list.children": Role.ADMIN,
    "tokens-list.children": Role.VIEWER,  # one's own; it refuses in a replay itself
}
LOOKING: Final = frozenset({"audit-chain.children"})  # callbacks that only read, though not for everybody
PAGES: Final[Mapping[str, Role]] = {  # by the first part of the path
    "": Role.VIEWER,
    "alerts": Role.VIEWER,
    "events": Role.VIEWER,
    "unraised": Role.VIEWER,
    "items": Role.VIEWER,
    "suppliers": Role.VIEWER,
    "compare": Role.VIEWER,
    "whatif": Role.VIEWER,
    "diversions": Role.VIEWER,
    "briefs": Role.VIEWER,
    "watchlists": Role.VIEWER,
    "measures": Role.VIEWER,
    "data": Role.VIEWER,
    "jobs": Role.VIEWER,
    "notices": Role.VIEWER,
    "scorecard": Role.VIEWER,
    "proposals": Role.VIEWER,
    "suggestions": Role.ANALYST,
    "search": Role.VIEWER,
    "audit": Role.MANAGER,
    "help": Role.VIEWER,
    "tokens": Role.VIEWER,
    "users": Role.ADMIN,
}
CALLBACK_ROUTE: Final = "/_dash-update-component"


def callback_id(output: object) -> str:
    """``..content.children...banners.children..`` → ``content.children``."""
    return str(output).removeprefix("..").removesuffix("..").split("...")[0]


def least_for_page(path: str) -> Role:
    """The least role that may read the page at a path. Where there is no page, anybody may be told so."""
    return PAGES.get(path.strip("/").split("/")[0], Role.VIEWER)


def least_for(asked: Request) -> Role | None:
    """The least role for a request; None where no role is enough."""
    rule = asked.url_rule.rule if asked.url_rule is not None else ""
    return CALLBACKS.get(_callback(asked)) if rule == CALLBACK_ROUTE else ROUTES.get(rule)


def changes(callback: str) -> bool:
    """Whether a callback changes something: whoever only looks is a viewer."""
    return CALLBACKS.get(callback, Role.ADMIN) > Role.VIEWER and callback not in LOOKING


def in_replay(asked: Request) -> bool:
    """Whether the page that sends a callback shows a past day."""
    parts = [part for kind in ("inputs", "state") for part in _listed(_body(asked).get(kind)) if isinstance(part, dict)]
    addresses = [part.get("value") for part in parts if (part.get("id"), part.get("property")) == ("url", "search")]
    return any("as_of" in parse_qs(str(address or "").removeprefix("?")) for address in addresses)


def _listed(found: object) -> list[Any]:
    return found if isinstance(found, list) else []


def _callback(asked: Request) -> str:
    return callback_id(_body(asked).get("output"))


def _body(asked: Request) -> dict[str, Any]:
    body = asked.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def guard(server: Flask, sessions: Sessions, public_view: bool) -> None:
    """Let nobody in without a session, and nobody do what the role does not allow."""
    open_to_all = OPEN if public_view else frozenset[str]()

    @server.before_request
    def allowed() -> Response | None:
        if request.url_rule is not None and request.url_rule.rule in PUBLIC:
            return None
        account = sessions.account(request)
        if account is None and request.url_rule is not None and request.url_rule.rule in open_to_all:
            return None
        if account is None:
            return sessions.asks_to_sign_in(request)
        g.account = account
        least = least_for(request)
        if least is None or account.role < least:
            raise Forbidden(f"the role {account.role.slug} does not allow this")
        if changes(_callback(request)) and in_replay(request):
            raise Conflict("nothing can be changed in a replay")
        return None


def reader() -> Account:
    """Whose request is being answered."""
    account: Account = g.account
    return account
