"""The address by which whoever has a mail stops the notices it came with: a number and its signature. Pure.

It says nothing to anybody else, cannot be made without the key, and leads nowhere once the recipient's address changes.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256
from typing import Final

PATH: Final = "/unsubscribe"
_TOKEN: Final = re.compile(r"([1-9][0-9]{0,8})-([A-Za-z0-9_-]{43})")


def token(key: bytes, recipient_id: int, email: str) -> str:
    """What stands in the address after ``PATH``."""
    signed = hmac.digest(key, f"unsubscribe\n{recipient_id}\n{email.lower()}".encode(), sha256)
    return f"{recipient_id}-{base64.urlsafe_b64encode(signed).decode('ascii').rstrip('=')}"


def claimed(given: str) -> int | None:
    """The number of the recipient that a token speaks of; None where it has not even the form of one."""
    match = _TOKEN.fullmatch(given)
    return int(match[1]) if match else None


def is_true(given: str, key: bytes, recipient_id: int, email: str) -> bool:
    return hmac.compare_digest(given.encode(), token(key, recipient_id, email).encode())
