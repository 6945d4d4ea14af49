"""What the services of the Korea Customs Service on data.go.kr have in common: their envelopes. Pure.

Everything that goes wrong arrives in one of four envelopes, mostly with HTTP 200; :func:`items` turns each into a
SourceError that says whether to try again and what the operator can do.
"""

from __future__ import annotations

from typing import Any, Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from cews.domain import SourceError
from ingest.answers import is_page
from ingest.tables import brief

URL: Final = "https://apis.data.go.kr/1220000"
URL_SETTING: Final = "kcs_url"  # one address and one key for all services
KEY_SETTING: Final = "kcs_key"
KEY_PARAM: Final = "serviceKey"
PACE_SECONDS: Final = 0.5
MAX_BYTES: Final = 64 * 2**20
LICENCE: Final = "data.go.kr {}: free to use as stated on its page; check before publishing the rows themselves"

_QUOTA: Final = "the allowance of calls is used up; it starts anew at midnight Korean time"
_KEY: Final = (
    "check CEWS_KCS_KEY, and on data.go.kr that use of data set {} was applied for (활용신청) and has not run "
    "out; a new key takes up to an hour to work"
)
_TRANSIENT: Final = frozenset({"01", "02", "04", "05", "23"})
_KEY_CODES: Final = frozenset({"20", "21", "30", "31", "32", "33"})
_KEY_WORDS: Final = ("SERVICE KEY", "SERVICE_KEY", "SERVICEKEY", "서비스키", "인증키")


def items(body: bytes, data_set: str) -> list[dict[str, str]]:
    """The items of an answer as text; every failure envelope raises SourceError.

    ``data_set`` is the number under which data.go.kr lists the service: a key works for those applied for.
    """
    if not body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise _plain_failure(body, data_set)
    if is_page(body):
        message = "kcs gave a web page instead of data; the service may be down. Try again later."
        raise SourceError(message, permanent=False)
    root = _xml(body)
    if root.tag == "OpenAPI_ServiceResponse":
        code = _text(root, ".//returnReasonCode")
        message = f"{_text(root, './/errMsg')} {_text(root, './/returnAuthMsg')}"
    else:
        code, message = _text(root, "./header/resultCode"), _text(root, "./header/resultMsg")
    if code == "00":
        return [{field.tag: field.text or "" for field in item} for item in root.findall("./body/items/item")]
    if "NODATA" in message.upper():
        return []
    raise _failure(code, message.strip(), data_set)


def _xml(body: bytes) -> Any:
    try:
        return fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise SourceError("kcs gave XML with a document type or entities, which is refused.", permanent=True) from None
    except (ParseError, ValueError, LookupError) as error:
        raise SourceError(f"kcs gave a damaged or cut off answer ({error}); ask again.", permanent=False) from None


def _text(root: Any, path: str) -> str:
    return (root.findtext(path) or "").strip()


def _failure(code: str, message: str, data_set: str) -> SourceError:
    """The numbers mean different things in different envelopes, so words about the key come first."""
    said = f"kcs answered {code} ({brief(message)})"
    if code == "22":
        return SourceError(f"{said}: {_QUOTA}.", permanent=False, code=code, quota=True)
    if code in _KEY_CODES or any(word in message.upper() for word in _KEY_WORDS):
        return SourceError(f"{said}: {_KEY.format(data_set)}.", permanent=True, code=code)
    if code in _TRANSIENT:
        return SourceError(f"{said}; try again later.", permanent=False, code=code)
    return SourceError(f"{said}: the request cannot be answered as it is; correct it.", permanent=True, code=code)


def _plain_failure(body: bytes, data_set: str) -> SourceError:
    said = brief(body.decode("utf-8", errors="replace")) or "nothing at all"
    lower = said.lower()
    message = f"kcs answered in plain text: {said}"
    if "quota" in lower:
        return SourceError(f"{message}; {_QUOTA}.", permanent=False, code="quota", quota=True)
    if lower.startswith(("unauthorized", "forbidden")):
        return SourceError(f"{message}; {_KEY.format(data_set)}.", permanent=True, code="key")
    if lower.startswith("api not found"):
        return SourceError(f"{message}; check CEWS_KCS_URL.", permanent=True, code="address")
    return SourceError(f"{message}; try again later.", permanent=False)
