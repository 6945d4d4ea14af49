"""Who may do what: the one table, and the gate that asks it before every request.

What stands in no table is refused, so that a route or a callback added without a thought is closed, not open.
The role is read from the store for each request; hiding a button is a courtesy, never the protection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import Forbidden

from cews.accounts import Account, Role
from cews.dashboard.session import Sessions
from cews.oidc import CALLBACK

PUBLIC: Final = frozenset(  # answered without a session: nothing of these says anything about the store's content
    {
        "/sign-in",
        "/sign-in/provider",
        CALLBACK,
        "/healthz",
        "/readyz",
        "/assets/<path:filename>",
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    }
)
ROUTES: Final[Mapping[str, Role]] = {
    "/": Role.VIEWER,
    "/<path:path>": Role.VIEWER,  # the same empty frame for every page; what is in it comes by callbacks
    "/sign-out": Role.VIEWER,
    "/password": Role.VIEWER,
    "/_dash-layout": Role.VIEWER,
    "/_dash-dependencies": Role.VIEWER,
    "/_dash-update-component": Role.VIEWER,  # and what CALLBACKS says
}
CALLBACKS: Final[Mapping[str, Role]] = {  # by the first thing a callback answers with
    "content.children": Role.VIEWER,  # and what PAGES says
    "search-results.children": Role.VIEWER,
    "alerts-grid.getRowsResponse": Role.VIEWER,
    "alerts-total.children": Role.VIEWER,
    "panel-inner.children": Role.VIEWER,
    "item-outlook.children": Role.VIEWER,
    "users-list.children": Role.ADMIN,
}
PAGES: Final[Mapping[str, Role]] = {  # by the first part of the path
    "": Role.VIEWER,
    "alerts": Role.VIEWER,
    "items": Role.VIEWER,
    "data": Role.VIEWER,
    "help": Role.VIEWER,
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
    if rule != CALLBACK_ROUTE:
        return ROUTES.get(rule)
    body = asked.get_json(silent=True)
    return CALLBACKS.get(callback_id(body.get("output"))) if isinstance(body, dict) else None


def guard(server: Flask, sessions: Sessions) -> None:
    """Let nobody in without a session, and nobody do what the role does not allow."""

    @server.before_request
    def allowed() -> Response | None:
        if request.url_rule is not None and request.url_rule.rule in PUBLIC:
            return None
        account = sessions.account(request)
        if account is None:
            return sessions.asks_to_sign_in(request)
        g.account = account
        least = least_for(request)
        if least is None or account.role < least:
            raise Forbidden(f"the role {account.role.slug} does not allow this")
        return None


def reader() -> Account:
    """Whose request is being answered."""
    account: Account = g.account
    return account
