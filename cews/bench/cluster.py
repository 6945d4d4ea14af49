"""Use case: measure a scan by worker processes of this machine, beside the same scan by one process.

The trade is that of ``cews.bench.scan``, spread over all chapters. Both read the same store; their panels, scores and
findings are compared to the last bit. Workers have one thread each; the one process has ``one_machine_threads``.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from hashlib import sha256
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

from cews import pipeline
from cews.alerts import Policy
from cews.bench.scan import AS_OF, PARTNERS, Progress, made, record
from cews.cluster import Cluster, joined_at
from cews.domain import UserError
from cews.pipeline import Look, Step, examine
from cews.settings import Settings
from cews.store.engine import Engine, connect, writing
from cews.store.scratch import scratch
from detectors import score
from detectors.base import Panel
from detectors.kernels import THREADS

_ITEMS: Final = 500  # made and recorded at a time
_CHAPTERS: Final = 90
_CODES: Final = 3000  # numbers of codes in one chapter, see ``cews.bench.scan.hs_codes``


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured."""

    store: str  # "sqlite", or the address of a PostgreSQL server
    series: int
    months: int
    workers: int
    budget: float


def cluster(order: Order, settings: Settings, progress: Progress) -> dict[str, Any]:
    """The keys are described in docs/operations/scale.md."""
    with scratch(order.store) as engine:
        batches = list(_batches(-(-order.series // len(PARTNERS))))
        for done, items in enumerate(batches, start=1):
            with writing(engine) as cx:
                record(cx, items, order.months)
            progress(done, len(batches))
        url = engine.url.render_as_string(hide_password=False)
        engine.dispose()
        alone = _in_a_process(url, order, settings)
        with _workers(url, order.workers) as address:
            together = _in_a_process(url, order, settings, address)
    series = sum(map(len, batches)) * len(PARTNERS)
    return {
        "store": order.store.partition(":")[0].partition("+")[0],
        "series": series,
        "months": order.months,
        "workers": order.workers,
        "one_machine_threads": THREADS,
        "one_machine_s": alone["seconds"],
        "one_machine_cpu_s": alone["cpu_s"],
        "one_machine_peak_mib": alone["peak_mib"],
        "cluster_s": together["seconds"],
        "cluster_head_cpu_s": together["cpu_s"],
        "cluster_workers_cpu_s": together["workers_cpu_s"],
        "cluster_head_peak_mib": together["peak_mib"],
        "cluster_worker_peak_mib": together["worker_peak_mib"],
        "findings": together["findings"],
        "identical": alone["print"] == together["print"],
    }


def _batches(items: int) -> Iterator[range]:
    """The items in equal parts of the chapters."""
    each = -(-items // _CHAPTERS)
    if each > _CODES:
        raise UserError(f"--series: {_CHAPTERS * _CODES * len(PARTNERS):,} at most")
    for chapter in range(-(-items // each)):
        first, last = chapter * each, min((chapter + 1) * each, items)
        for start in range(first, last, _ITEMS):
            of_chapter = chapter * _CODES + start - first
            yield range(of_chapter, of_chapter + min(_ITEMS, last - start))


@contextmanager
def _workers(url: str, count: int) -> Iterator[str]:
    """Address of a scheduler with so many worker processes, which know the store by their settings."""
    try:
        from distributed import LocalCluster
    except ModuleNotFoundError as error:
        raise UserError("a cluster needs another package: pip install 'cews[cluster]'") from error
    env = {"CEWS_DATABASE_URL": url, "NUMBA_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=count,
            threads_per_worker=1,
            dashboard_address=None,
            env=env,
            memory_limit=0,
            local_directory=folder,
            silence_logs=50,
        ) as started,
    ):
        yield str(started.scheduler_address)


def _in_a_process(url: str, order: Order, settings: Settings, address: str | None = None) -> dict[str, Any]:
    """One scan in a new process, so that its memory and its processor time are told apart."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, url, order, settings, address).result()


def _measured(url: str, order: Order, settings: Settings, address: str | None) -> dict[str, Any]:
    engine = connect(url)
    _warm(order.months)
    if address is None:
        return _timed(engine, order, None)
    with joined_at(address, settings) as workers:
        workers.client.run(_warm, order.months)
        before = _spent(workers)
        found = _timed(engine, order, workers.look)
        after = _spent(workers)
    return found | {
        "workers_cpu_s": round(sum(cpu for cpu, _ in after) - sum(cpu for cpu, _ in before), 2),
        "worker_peak_mib": round(max(peak for _, peak in after)),
    }


def _warm(months: int) -> None:
    """A small panel goes first, so that compiled code is at hand."""
    panel = made(10, months)
    examine(panel, score(panel), {}, Policy(), 5.0, {})


def _timed(engine: Engine, order: Order, look: Look | None) -> dict[str, Any]:
    began = time.perf_counter(), time.process_time()
    step = pipeline.scan(engine, AS_OF, now=AS_OF, items="all", budget=order.budget, record=False, look=look)
    seconds, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    return {
        "seconds": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "findings": len(step.detection.findings),
        "print": _print(step),
    }


def _print(step: Step) -> str:
    """Of everything that was read, scored and found."""
    seen = sha256(repr(step.detection.findings).encode())
    for field in fields(Panel):
        value = getattr(step.panel, field.name)
        seen.update(np.ascontiguousarray(value).data if isinstance(value, np.ndarray) else repr(value).encode())
    for detector in sorted(step.detection.scores):
        arrays = step.detection.scores[detector].arrays
        for name in sorted(arrays):
            seen.update(f"{detector} {name}".encode())
            seen.update(np.ascontiguousarray(arrays[name]).data)
    return seen.hexdigest()


def _spent(workers: Cluster) -> list[tuple[float, float]]:
    """Processor seconds and the most MiB of memory of each worker until now."""
    spent: dict[str, tuple[float, float]] = workers.client.run(_own)
    return list(spent.values())


def _own() -> tuple[float, float]:
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
