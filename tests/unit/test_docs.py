"""Documentation that is true: commands exist, settings are listed, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cews import extracts
from cews.cli import cews
from cews.domain import Level, ShockClass
from cews.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
TEXTS = dict(zip(NAMES, (page.read_text(encoding="utf-8") for page in PAGES), strict=True))
FOR_TESTS = {"CEWS_REQUIRE_BROWSER"}

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
_LOOSE = re.compile(r"(?:^ {4}|`)(cews [^`\n]+)", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_SETTING = re.compile(rf"\b{PREFIX}[A-Z0-9_]*[A-Z0-9]\b")


def _command_lines(text: str) -> Iterator[list[str]]:
    """The words of every shell command in the ``sh`` blocks of a page."""
    for block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\|\||[|;]", line):
                words = shlex.split(part, comments=True)
                if words:
                    yield words


def _commands(name: str) -> list[list[str]]:
    """What stands after ``cews`` in the shell blocks, in indented blocks and between backticks."""
    loose = [shlex.split(code, comments=True) for code in _LOOSE.findall(TEXTS[name])]
    lines = [
        [word for word in words if not re.match(r"^\w+=", word)] for words in [*_command_lines(TEXTS[name]), *loose]
    ]
    return [words[1:] for words in lines if words and words[0].removeprefix(".venv/bin/") == "cews"]


def _members(group: click.Group) -> dict[str, click.Command]:
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def _leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in _members(group).items():
        if isinstance(command, click.Group):
            yield from _leaves(command, (*path, name))
        else:
            yield (*path, name)


def _resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what is left of them; fails where there is none."""
    command: click.Command = cews
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        members = _members(command)
        assert words[0] in members, f"`cews` has no command {words[0]!r}"
        command, words = members[words[0]], words[1:]
    return command, words


def _check(words: list[str]) -> None:
    command, rest = _resolve(words)
    known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    given = {word.split("=")[0] for word in rest if word.startswith("-") and not word.lstrip("-").isdigit()}
    assert given <= known | {"--help", "-h"}, f"`cews {' '.join(words)}`: no option {given - known}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_in_the_docs_exist(name: str) -> None:
    for words in _commands(name):
        _check(words)


def test_a_wrong_command_would_be_found() -> None:
    with pytest.raises(AssertionError, match="no command 'scann'"):
        _check(["scann"])
    with pytest.raises(AssertionError, match="no option"):
        _check(["scan", "--itmes", "all"])
    assert list(_command_lines("```sh\nA=1 cews scan \\\n  --items all  # why\n```\n")) == [
        ["A=1", "cews", "scan", "--items", "all"]
    ]


@pytest.mark.parametrize("path", list(_leaves(cews)), ids=" ".join)
def test_every_command_is_documented(path: tuple[str, ...]) -> None:
    shown = re.compile(rf"\bcews {' '.join(map(re.escape, path))}\b")
    assert any(shown.search(text) for text in TEXTS.values()), f"no page shows `cews {' '.join(path)}`"


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_in_the_docs_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    used = {words[1] for words in _command_lines(TEXTS[name]) if words[0] == "make" and len(words) > 1}
    assert used <= targets


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    for link in _LINK.findall(TEXTS[name]):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
        assert path.exists(), f"{name}: {link}"
        if anchor:
            slugs = {_slug(heading) for heading in _HEADING.findall(path.read_text(encoding="utf-8"))}
            assert anchor in slugs, f"{name}: {link}"


def settings_table() -> str:
    """The table of docs/operations/settings.md as it should be."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.get_default())} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])


def _default(value: object) -> str:
    return "" if value is None else f"`{value}`"


def test_every_setting_is_documented() -> None:
    assert settings_table() in TEXTS["docs/operations/settings.md"], settings_table()


@pytest.mark.parametrize("name", NAMES)
def test_settings_in_the_docs_exist(name: str) -> None:
    known = {f"{PREFIX}{field.upper()}{suffix}" for field in Settings.model_fields for suffix in ("", "_FILE")}
    assert set(_SETTING.findall(TEXTS[name])) <= known | FOR_TESTS


@pytest.mark.parametrize("what", extracts.EXTRACTS)
def test_every_column_of_an_export_is_documented_with_its_unit(what: str) -> None:
    section = TEXTS["docs/guide/exports.md"].split(f"## {what.capitalize()}\n")[1].split("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ?(.*?) ?\|", section, re.MULTILINE)
    assert documented == [(name, extracts.field_of(name).unit) for name in extracts.EXTRACTS[what][0]]


def test_the_glossary_has_every_level_and_shock_class() -> None:
    words = TEXTS["GLOSSARY.md"].replace("-", "_").replace(" ", "_")
    assert not [value for value in [level.slug for level in Level] + list(ShockClass) if value not in words]


def test_the_readme_shows_its_two_commands() -> None:
    assert ["make", "demo"] in list(_command_lines(TEXTS["README.md"]))
    assert ["make", "test"] in list(_command_lines(TEXTS["README.md"]))


def test_every_page_is_in_the_index() -> None:
    index = TEXTS["docs/README.md"]
    pages = [name for name in NAMES if name.startswith("docs/") and name != "docs/README.md"]
    linked = {link.split("#")[0] for link in _LINK.findall(index)}
    assert not [page for page in pages if not _indexed(page.removeprefix("docs/"), linked)]


def _indexed(page: str, linked: set[str]) -> bool:
    return page in linked or f"{page.split('/')[0]}/" in linked
