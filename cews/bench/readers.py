"""Readers of the dashboard without a browser: they ask the server what the scripts of a page would ask."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

ASK: Final = "/_dash-update-component"
PATIENCE: Final = 60.0  # seconds
LEVELS: Final = ("attention", "caution", "alert", "severe")
SORTED: Final = ("level", "opened", "item")  # columns
ROWS: Final = 50
COUNTED: Final = 10_000  # alerts: how far down somebody may scroll


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked for, how long it took, and whether it came."""

    step: str
    seconds: float
    fine: bool


@dataclass(slots=True)
class Reader:
    """One signed-in reader with a connection of their own, who goes through the dashboard by chance."""

    address: str
    cookie: str
    items: Sequence[str]  # paths of items
    seed: int
    callbacks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _chance: np.random.Generator = field(init=False)
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        self._connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE)
        self.callbacks = {
            _first(known["output"]): known for known in json.loads(self._ask("GET", "/_dash-dependencies"))
        }

    def round(self) -> Iterator[Answer]:
        """Overview → alerts, filtered, scrolled, one looked at → its item → a search."""
        chance = self._chance
        item = self.items[int(chance.integers(len(self.items)))]
        levels = chance.choice(LEVELS, 2, replace=False).tolist()
        where = {"state": str(chance.choice(["open", "all"])), "level": levels, "class": [], "q": ""}
        first = ROWS * int(chance.integers(COUNTED // ROWS // 4))
        order = [{"colId": str(chance.choice(SORTED)), "sort": str(chance.choice(["asc", "desc"]))}]
        asked = {"startRow": first, "endRow": first + ROWS, "sortModel": order, "filterModel": {}}
        kept = {"alerts-filter.data": where}
        yield self._step("overview", "content.children", {"url.pathname": "/"})
        yield self._step("alerts", "content.children", {"url.pathname": "/alerts"})
        yield self._step("filter", "alerts-total.children", kept)
        yield self._step("rows", "alerts-grid.getRowsResponse", {"alerts-grid.getRowsRequest": asked, **kept})
        yield self._step("panel", "panel-inner.children", {"alerts-chosen.data": int(chance.integers(1, COUNTED))})
        yield self._step("item", "content.children", {"url.pathname": item})
        yield self._step("search", "search-results.children", {"search.value": item.rsplit("/", 1)[1][:6]})

    def noop(self) -> Answer:
        """The one callback of an empty page."""
        return self._step("empty", next(iter(self.callbacks)), {})

    def _step(self, name: str, output: str, values: Mapping[str, Any]) -> Answer:
        body = json.dumps(_body(self.callbacks[output], values))
        began = time.perf_counter()
        try:
            answered = self._ask("POST", ASK, body)
        except (OSError, HTTPException):
            self._connection.close()
            return Answer(name, time.perf_counter() - began, fine=False)
        return Answer(name, time.perf_counter() - began, fine=answered.startswith(b'{"'))

    def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status != http.client.OK:
            raise HTTPException(f"{method} {path}: {answer.status}")
        return told


def _first(output: str) -> str:
    return output.removeprefix("..").removesuffix("..").split("...")[0]


def _body(known: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A request of a callback as the page's script writes it; what ``values`` does not name is empty."""

    def filled(parts: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        return [{**part, "value": values.get(f"{part['id']}.{part['property']}")} for part in parts]

    names = known["output"].strip(".").split("...")
    outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
    return {
        "output": known["output"],
        "outputs": outputs if known["output"].startswith("..") else outputs[0],
        "inputs": filled(known["inputs"]),
        "state": filled(known["state"]),
        "changedPropIds": [f"{part['id']}.{part['property']}" for part in known["inputs"]],
    }
