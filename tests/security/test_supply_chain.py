"""What the product is made of is known, asked about, and may be passed on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )(?:A?GPL|General Public License)")
CHOSEN = {"pyphen": "of weasyprint; offered under the GPL, the LGPL or the MPL, and taken under the MPL"}
LESSER = {  # packages under the Lesser GPL: used as they are, replaceable, never changed by us
    "inflate64": "of py7zr",
    "multivolumefile": "of py7zr",
    "py7zr": "extra bulk: reads 7z files of statistics",
    "pybcj": "of py7zr",
    "pyppmd": "of py7zr",
    "psycopg": "extra postgres: the driver",
    "psycopg-binary": "of psycopg",
}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    told = subprocess.run([sys.executable, ROOT / "scripts" / "sbom.py"], capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(told.stdout)
    return made


def licence(component: dict[str, Any]) -> str:
    said = component["licenses"][0]
    return said.get("expression") or said["license"].get("id") or said["license"]["name"]


def test_the_bill_lists_what_the_product_runs_with_and_nothing_else(bill: dict[str, Any]) -> None:
    named = {component["name"]: component for component in bill["components"]}
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "cews")
    assert named.keys() >= {"dash", "sqlalchemy", "psycopg", "weasyprint", "distributed", "markupsafe"}
    assert not named.keys() & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "pip-audit", "cyclonedx-bom"}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, component in named.items():
        assert f"\n{name}=={component['version']}" in f"\n{lock}"
        assert component["hashes"], name
        assert all(one["content"] in lock for one in component["hashes"])
    assert all(one.get("dependsOn") for one in bill["dependencies"] if one["ref"].startswith("cews=="))


def test_nothing_forces_its_licence_on_those_who_use_the_product(bill: dict[str, Any]) -> None:
    said = {component["name"]: licence(component) for component in bill["components"]}
    assert all(said.values()), "a package does not say under what licence it is"
    assert {name for name, words in said.items() if COPYLEFT.search(words)} == CHOSEN.keys()
    lesser = {name for name, words in said.items() if re.search("GPL|Lesser", words)} - CHOSEN.keys()
    assert lesser == LESSER.keys(), "give the reason, or take out the reason"


@pytest.mark.parametrize(
    ("said", "forces"),
    [
        ("GPL-3.0-only", True),
        ("AGPL-3.0-or-later", True),
        ("GNU General Public License v3 (GPLv3)", True),
        ("GNU Affero General Public License v3", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("Apache-2.0", False),
        ("MPL-2.0 AND MIT", False),
    ],
)
def test_the_pattern_tells_the_licences_apart(said: str, forces: bool) -> None:
    assert (COPYLEFT.search(said) is not None) is forces


class _Osv(BaseHTTPRequestHandler):
    """Knows one weakness: of jinja2."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        weakness = {
            "id": "GHSA-test",
            "modified": "2026-01-01T00:00:00Z",
            "details": "leaves the sandbox",
            "affected": [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "ranges": []}],
        }
        answer = json.dumps({"vulns": [weakness]} if asked == "jinja2" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def osv() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Osv)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


def audit(tmp_path: Path, package: str, url: str) -> subprocess.CompletedProcess[str]:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{package} \\\n    --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts" / "audit.py"), "--lock", str(lock), "--osv-url", url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_known_weakness_is_found_and_none_is_told_as_none(tmp_path: Path) -> None:
    with osv() as url:
        weak, sound = audit(tmp_path, "jinja2==3.0.0", url), audit(tmp_path, "click==8.1.0", url)
    assert weak.returncode == 1, weak.stderr
    assert "jinja2 3.0.0: GHSA-test" in weak.stdout
    assert sound.returncode == 0, sound.stderr
    assert "1 locked packages asked about, 0 with" in sound.stdout


def test_an_audit_that_could_not_ask_says_so(tmp_path: Path) -> None:
    told = audit(tmp_path, "jinja2==3.0.0", "http://127.0.0.1:9/v1/query")
    assert told.returncode == 3
    assert told.stderr.startswith("not run: ")
    assert not told.stdout
