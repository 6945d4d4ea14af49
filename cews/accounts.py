"""Who may use the dashboard and the API: accounts, roles, scopes, and what a name and a password must be.

Pure, but for the salt. A password is kept as argon2id (RFC 9106, second recommended option: 64 MiB, three passes).
Length is what counts: there are no rules about kinds of characters, and a password is taken exactly as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Final

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from cews.domain import UserError

SHORTEST_PASSWORD: Final = 15  # NIST SP 800-63B-4 for a password that is the only factor
LONGEST_PASSWORD: Final = 256
FEWEST_CHARACTERS: Final = 5  # different ones
PASSWORD_NUMBERS: Final[Mapping[str, Any]] = {
    "shortest": SHORTEST_PASSWORD,
    "longest": LONGEST_PASSWORD,
    "fewest": FEWEST_CHARACTERS,
}
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_HASHER: Final = PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)


class Role(IntEnum):
    """What a person may do; each role may do what those before it may."""

    VIEWER = 1  # looks
    ANALYST = 2  # works on alerts
    MANAGER = 3  # decides who is told what, and which data counts
    ADMIN = 4  # decides who may come in

    @property
    def slug(self) -> str:
        return self.name.lower()

    @classmethod
    def from_slug(cls, slug: str) -> Role:
        return cls[slug.upper()]


class Scope(StrEnum):
    """What a program may do with a token, never more than the token's owner may."""

    READ = "read"  # everything there is to see
    TRIAGE = "triage"  # work on alerts
    FEED = "feed"  # the feeds, and nothing else

    @property
    def least(self) -> Role:
        """The least role of an owner for whom the scope counts."""
        return Role.ANALYST if self is Scope.TRIAGE else Role.VIEWER


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in: with a password, by a provider, or in the demo by a click."""

    id: int
    name: str
    role: Role
    active: bool
    has_password: bool
    created_at: datetime
    signed_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider says somebody is: ``subject`` never changes there, ``name`` may."""

    issuer: str
    subject: str
    name: str


def checked_name(name: str) -> str:
    """The name in lower case; UserError where it cannot be one."""
    folded = name.strip().lower()
    if not _NAME.fullmatch(folded):
        raise UserError(
            f"{name!r} cannot be the name of an account: 2 to 64 of a–z, 0–9 and . _ @ -, "
            "beginning with a letter or a digit."
        )
    return folded


def weakness(password: str, name: str) -> str | None:
    """Why the password is too weak for the account, as a message to fill with PASSWORD_NUMBERS; None when it is not."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return "A password has {shortest} to {longest} characters; several words are easy to keep in mind."
    if len(set(password)) < FEWEST_CHARACTERS:
        return "A password has at least {fewest} different characters."
    if name in password.lower():
        return "A password does not contain the name of its account."
    return None


def hashed(password: str) -> str:
    """The password as it is kept."""
    return _HASHER.hash(password)


def matches(password: str, kept: str | None) -> bool:
    """Whether the password is the one kept. Takes as long where none is kept, so that time tells nothing."""
    try:
        return _HASHER.verify(kept or _NOBODY, password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether the password was hashed with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


# Nobody's: today's parameters, so that it takes as long, and a digest that no password is known to have.
_NOBODY: Final = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}${'A' * 22}${'A' * 43}"
)
