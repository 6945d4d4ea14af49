"""The command line for tests, without its second of loading each time.

A process that has loaded the program waits; for each command it makes a child that begins where the program does: with
arguments, an environment, a folder and an output of its own, and an exit code of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path


class CommandLine:
    """Runs ``cews`` with words, in an environment and a folder."""

    def __init__(self, waiting: subprocess.Popen[str], notes: Path) -> None:
        self.waiting, self.notes = waiting, notes

    def run(self, *words: str, environment: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
        said, errors = self.notes / "said", self.notes / "errors"
        asked = {"words": words, "environment": dict(environment), "folder": str(folder)}
        assert self.waiting.stdin is not None
        assert self.waiting.stdout is not None
        print(json.dumps({**asked, "said": str(said), "errors": str(errors)}), file=self.waiting.stdin, flush=True)
        code = int(self.waiting.stdout.readline())
        return subprocess.CompletedProcess(["cews", *words], code, said.read_text("utf-8"), errors.read_text("utf-8"))


@contextmanager
def command_line(notes: Path) -> Iterator[CommandLine]:
    """Starts the process that waits; ``notes`` is a folder for what commands say."""
    with subprocess.Popen(
        [sys.executable, "-P", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as waiting:
        try:
            yield CommandLine(waiting, notes)
        finally:
            waiting.kill()


def _wait() -> None:
    """Do what each line of the input asks for."""
    from cews.cli import COMMANDS

    for module in COMMANDS:
        import_module(f"cews.commands.{module}")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(asked: dict[str, object]) -> None:
    """The command that was asked for; the process ends with it."""
    from cews.cli import main

    for descriptor, name in ((0, os.devnull), (1, asked["said"]), (2, asked["errors"])):
        opened = os.open(str(name), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(str(asked["folder"]))
    sys.argv = ["cews", *asked["words"]]
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _wait()
