"""A source from outside, exactly as the guide shows it: built, installed, asked through the command line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "guide" / "add-a-source.md").read_text(encoding="utf-8")
ANSWERS = {
    "2024-01": "month,partner,hs,usd,kg\n2024-01,CHN,250410,1000,400\n2024-01,BRA,250410,50,x\n",
    "2024-02": "month,partner,hs,usd,kg\n2024-02,CHN,250410,10,4\n",
    "2024-03": "<html>down for the weekend</html>",
}


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return str(found)


class Office(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = ANSWERS[asked["month"]].encode() if asked["hs"] == "250410" else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""


@contextmanager
def office() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Office)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def install(folder: Path, address: str) -> Path:
    """Build and install the package of the guide, pointed at the loopback server; no network, no dependencies."""
    package, target = folder / "package", folder / "site"
    package.mkdir()
    (package / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    source = block("python")
    assert source.count("https://trade.example.org") == 1
    (package / "cews_office.py").write_text(source.replace("https://trade.example.org", address), encoding="utf-8")
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(package)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


IN_TURN = """
import contextlib, io, json, sys
from cews.cli import main
for words in json.loads(sys.argv[1]):
    said, errors, sys.argv[1:] = io.StringIO(), io.StringIO(), words
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code or 0, said.getvalue(), errors.getvalue()]))
"""


def cews(*commands: tuple[str, ...], home: Path, site: Path) -> list[tuple[int, str, str]]:
    """Exit code, output and errors of the commands, in a process that begins with the package installed."""
    environment = {**os.environ, "CEWS_HOME": str(home), "PYTHONPATH": str(site)}
    process = [sys.executable, "-c", IN_TURN, json.dumps(commands)]
    done = subprocess.run(process, capture_output=True, text=True, timeout=120, check=True, env=environment, cwd=ROOT)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_the_source_of_the_guide_is_complete_and_short() -> None:
    assert len((block("toml") + block("python")).splitlines()) < 60


def test_the_source_of_the_guide_is_installed_and_asked(tmp_path: Path) -> None:
    asked = ("ingest", "office", "--hs", "250410", "--from", "2024-01", "--to", "2024-02", "--json")
    missing = ("ingest", "office", "--hs", "250410", "--from", "2024-03", "--to", "2024-03")
    with office() as address:
        site = install(tmp_path, address)
        first, again, down, helped = cews(
            asked, asked, missing, ("ingest", "--help"), home=tmp_path / "home", site=site
        )
    assert first[0] == 0, first
    (report,) = json.loads(first[1])
    assert (report["source"], report["rows_new"], report["rows_rejected"]) == ("office", 2, 1)
    assert report["rejects"][0]["reason"].startswith("not a number")
    assert json.loads(again[1])[0]["unchanged"] is True
    assert down[0] == 3
    assert "web page" in down[2]
    assert re.search(r"^ +office +Fetch from Office of Examples", helped[1], re.MULTILINE)


@pytest.mark.parametrize("broken", ["raise RuntimeError('built for another version')", "SOURCE = 1"])
def test_a_source_from_outside_that_cannot_be_used_is_named_and_harms_nothing_else(tmp_path: Path, broken: str) -> None:
    (tmp_path / "cews_broken.py").write_text(broken, encoding="utf-8")
    info = tmp_path / "cews_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cews-broken\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[cews.sources]\nbroken = cews_broken:SOURCE\n", encoding="utf-8")
    asked, other = cews(
        ("ingest", "broken", "--hs", "250410"), ("watchlist", "list"), home=tmp_path / "home", site=tmp_path
    )
    assert asked[0] == 2
    assert "cews_broken:SOURCE" in asked[2]
    assert "Traceback" not in asked[2]
    assert other[0] == 0
