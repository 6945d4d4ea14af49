"""The compiled screen says what the plain one says, whatever the number of threads and wherever code may be kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from plain_screen import plain_screen

from detectors import kernels
from detectors.kernels_screen import FIELDS
from detectors.screen import screen

ROOT = Path(__file__).resolve().parents[2]


def rough_series(months: int = 150, count: int = 60) -> np.ndarray:
    """Levels, seasons, idle months, gaps, jumps, late starts, ends and long silences."""
    rng = np.random.default_rng(12)
    season = np.sin(np.arange(months)[:, None] * np.pi / 6) * rng.choice([0, 0.8], count)
    walk = np.cumsum(rng.normal(0, 0.05, (months, count)), axis=0)
    values = np.exp(
        rng.normal(8, 2, count) + season + walk + rng.normal(0, 1, (months, count)) * rng.uniform(0.05, 0.8, count)
    )
    values[rng.random(values.shape) < rng.choice([0, 0.05, 0.5], count)] = 0.0
    values[rng.random(values.shape) < 0.03] = np.nan
    values[rng.random(values.shape) < 0.01] *= 1e-3
    for number in range(0, count, 5):
        values[: rng.integers(0, 140), number] = rng.choice([0.0, np.nan])
        values[90 : 90 + rng.integers(5, 30), number] = 0.0
    values[:, 1] = 0.0
    values[:, 2] = np.nan
    return values


def test_the_compiled_screen_says_what_the_plain_one_says():
    values = rough_series()
    scored, plain = screen(values), plain_screen(values)
    for name in FIELDS:
        np.testing.assert_allclose(getattr(scored, name), plain[name], rtol=1e-6, atol=1e-6, err_msg=name)


def test_the_same_bits_come_out_whatever_the_number_of_threads(monkeypatch):
    values = np.tile(rough_series(months=40), (1, 200))
    assert values.shape[1] > 2 * kernels.BLOCK
    monkeypatch.setattr(kernels, "THREADS", 1)
    alone = screen(values)
    monkeypatch.setattr(kernels, "THREADS", 4)
    kernels._threads.cache_clear()
    together = screen(values)
    kernels._threads.cache_clear()
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are POSIX")
def test_where_nothing_may_be_written_it_is_compiled_anew(tmp_path):
    """The package installed where it cannot be written, and no home that can."""
    shutil.copytree(ROOT / "detectors", tmp_path / "lib" / "detectors", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "lib" / "detectors" / "__pycache__").write_text("a file where a folder would have to be made")
    (tmp_path / "home").write_text("not a folder")
    program = (
        "import numpy as np, sys; from detectors.kernels import compiled\n"
        "from detectors import kernels; assert kernels.__file__.startswith(sys.argv[1])\n"
        "from detectors.kernels_screen import _middle; print(_middle(np.array([1.0, 2.0]), 2))"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**clean, "HOME": str(tmp_path / "home"), "PYTHONPATH": f"{tmp_path / 'lib'}:{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "1.5\n", said.stderr
