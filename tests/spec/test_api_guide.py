"""The examples of docs/guide/api.md, and a client made from the description, against a real server."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import dashboard_world as world
import programs
import pytest
from waitress.server import create_server

from cews.accounts import Role, Scope
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store.engine import connect

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "api.md").read_text(encoding="utf-8")
LONGEST = 20  # lines of the example


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the examples: where the server is, and a token."""
    path = tmp_path_factory.mktemp("api-guide") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    secret = programs.token_of(engine, Role.ANALYST, [Scope.READ, Scope.TRIAGE])
    server = create_server(create_app(engine, Settings()).server, host="127.0.0.1", port=0, threads=2)
    Thread(target=server.run, daemon=True).start()
    yield {"SERVER": f"http://127.0.0.1:{server.effective_port}", "TOKEN": secret}
    server.close()
    engine.dispose()


def blocks(language: str, holding: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return [block for block in found if holding in block]


def run(words: list[str], served: dict[str, str], text: str) -> str:
    done = subprocess.run(words, input=text, env=os.environ | served, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_the_curl_examples(served: dict[str, str]) -> None:
    reading, working = blocks("sh", "curl")
    page = json.loads(run(["sh", "-e"], served, reading))
    assert page["as_of"] == "2024-07-16T23:59:59+00:00"
    assert {one["level"] for one in page["data"]} == {"severe"}
    stepped, commented = run(["sh", "-e"], served, working).split("}}", 1)
    assert '"stage":"investigating"' in stepped
    assert "Asked the importer." in commented


def test_the_python_example(served: dict[str, str]) -> None:
    (example,) = blocks("python", "urlopen")
    assert len(example.splitlines()) <= LONGEST
    lines = run([sys.executable, "-"], served, example).splitlines()
    assert any("KOR:import:250410 Natural graphite" in line for line in lines)


def test_a_client_made_from_the_description(
    served: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    words = [
        "-m",
        "openapi_python_client",
        "generate",
        "--meta",
        "none",
        "--config",
        "config.yml",
        "--output-path",
        "made",
        "--url",
    ]
    made = [sys.executable, *words, f"{served['SERVER']}/api/v1/openapi.json"]
    done = subprocess.run(made, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "made" / "api").rglob("[a-z]*.py"))) >= 20
    monkeypatch.syspath_prepend(str(tmp_path))
    client = importlib.import_module("made").AuthenticatedClient(f"{served['SERVER']}/api", served["TOKEN"])
    listed = importlib.import_module("made.api.alerts.list_alerts").sync(client=client, limit=2)
    assert len(listed.data) == 2
    assert listed.data[0].item.id.startswith("KOR:import:")
    dealt = importlib.import_module("made.api.triage.acknowledge_alert").sync(
        listed.data[1].id, client=client, if_match=f'"{listed.data[1].handling.version}"'
    )
    assert dealt.data.stage == "acknowledged"
    again = importlib.import_module("made.api.triage.acknowledge_alert").sync_detailed(
        listed.data[1].id, client=client, if_match='"0"'
    )
    assert again.status_code == 412
