"""The archive keeps every content once, whole, by its sha256."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from cews import archive
from cews.domain import StoreError

BODY = "수출입 실적".encode() * 1000


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def test_content_comes_back_and_is_kept_once(tmp_path: Path) -> None:
    kept = archive.keep(tmp_path, BODY)
    assert kept == archive.keep(tmp_path, BODY)
    digest = sha256(BODY).hexdigest()
    assert (kept.sha256, kept.size, kept.path) == (digest, len(BODY), f"raw/{digest[:2]}/{digest[2:]}.gz")
    assert archive.read(tmp_path, kept.path) == BODY
    assert files(tmp_path) == [tmp_path / kept.path]


def test_a_failure_while_writing_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        archive.keep(tmp_path, BODY)
    assert files(tmp_path) == []


def test_a_home_that_is_no_folder_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    with pytest.raises(StoreError, match=r"home.*CEWS_HOME"):
        archive.keep(home, BODY)
