"""Compiled loops: how they are compiled, kept and spread over the processor's cores.

A kernel works on a block of series and touches nothing outside it, so the result does not depend on how many threads
share the blocks. Compiled code is kept on disk beside the module, or where ``NUMBA_CACHE_DIR`` says, or in the
user's cache; where none of these can be written it is compiled anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar, cast

from numba import njit
from numba.core import config

Kernel = TypeVar("Kernel", bound=Callable[..., object])
Result = TypeVar("Result")
THREADS: Final[int] = config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
BLOCK: Final = 4096  # series; their state fits into a core's cache


def compiled(function: Kernel) -> Kernel:
    """The function as machine code. Sums are not reordered: the same input gives the same bits."""
    try:
        return cast(Kernel, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:  # no place to keep compiled code
        return cast(Kernel, njit(nogil=True, error_model="numpy")(function))


def in_blocks(work: Callable[[slice], Result], count: int, size: int = BLOCK) -> list[Result]:
    """The work done on 0 … count in blocks, side by side where there is more than one core and one block."""
    blocks = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    if len(blocks) < 2 or THREADS < 2:
        return [work(block) for block in blocks]
    return list(_threads().map(work, blocks))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="kernel")
