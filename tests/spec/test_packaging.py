"""The wheel works where there is no checkout, and what starts it on a server is written rightly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy").glob("*.service"))

# Run with nothing but the wheel and the libraries: tables, words, the dashboard's files and its first page.
TRIED = """
import pathlib, sys
import cews, ingest, detectors
for package in (cews, ingest, detectors):
    assert pathlib.Path(package.__file__).is_relative_to(sys.argv[1]), package.__file__
from cews.i18n import text
assert text("Overview", "ko") != "Overview"
from cews.dashboard.application import wsgi
client = wsgi().test_client()
assert client.get("/readyz").data == b"ready\\n"
assert client.get("/assets/logo.svg").status_code == 200
assert client.get("/sign-in").status_code == 200
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout and unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=120)
    (wheel,) = folder.glob("cews-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_works_without_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "CEWS_HOME": str(tmp_path / "home")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "revision" in run("-m", "cews.cli", "db", "upgrade")
    run("-c", TRIED, str(unpacked))


def test_nothing_of_the_tests_is_in_the_wheel(unpacked: Path) -> None:
    assert {path.name.split("-")[0] for path in unpacked.iterdir()} == {"app.py", "cews", "detectors", "ingest"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_is_one_that_systemd_takes(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine")
    lines = unit.read_text().splitlines()  # the program itself is not installed here
    here = [f"ExecStart={sys.executable}" if line.startswith("ExecStart=") else line for line in lines]
    (tmp_path / unit.name).write_text("\n".join(here))
    done = subprocess.run([analyze, "verify", str(tmp_path / unit.name)], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not ours, ours


def test_what_is_started_is_there() -> None:
    """The programs that units and containers name are those of the package and its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {
        line.split("/bin/")[1].split()[0] for unit in UNITS for line in unit.read_text().splitlines() if "/bin/" in line
    }
    assert named == {"cews", "gunicorn"}
    assert "cews" in project["scripts"]
    assert any(need.startswith("gunicorn") for need in project["optional-dependencies"]["gunicorn"])


def test_the_nightly_backup_keeps_thirty_days_and_the_raw_answers(sqlite_url: str, tmp_path: Path) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept"
    (home / "raw").mkdir(parents=True)
    (home / "raw" / "answer").write_text("as it came")
    kept.mkdir()
    for name, days in (("store-29", 29), ("store-31", 31), ("another-31", 31)):
        (kept / name).touch()
        os.utime(kept / name, (time.time() - days * 86_400,) * 2)
    program = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": program, "CEWS_HOME": str(home), "CEWS_DATABASE_URL": sqlite_url}
    subprocess.run(
        [ROOT / "deploy" / "backup.sh", kept], env=environment, cwd=tmp_path, check=True, capture_output=True
    )
    assert (kept / "raw" / "answer").read_text() == "as it came"
    (copy,) = kept.glob("store-*-*-*-*")
    assert copy.read_bytes()[:15] == b"SQLite format 3"
    assert {path.name for path in kept.iterdir()} == {"raw", "store-29", "another-31", copy.name}
