"""A page of a brief as PDF. The renderer may fetch nothing, neither from the network nor from the machine."""

from __future__ import annotations

import logging
import re
from typing import Any, Final

from cews.briefs import page
from cews.briefs.content import Brief
from cews.domain import UserError

MISSING: Final = "PDF needs an extra package; install it with: pip install 'cews[pdf]' (or choose the form html)."

_JOINER: Final = "\u2060"  # no width, and no break beside it; readers neither find nor copy it
_WORD: Final = "[\uac00-\ud7a3\u3400-\u9fff]"  # syllables and characters, between which a line may break by rule
_INSIDE: Final = re.compile(rf"(?<={_WORD})(?=[^\s<])|(?<=[^\s>/–-])(?={_WORD})")


def of_brief(brief: Brief) -> bytes:
    """As PDF; a short brief is brought closer together until it fits on one sheet. Raises UserError."""
    return _written(_fitting(brief)[1])


def of_html(html: str) -> bytes:
    """A page that was made before, as PDF. Raises UserError."""
    return _written(_laid_out(html))


def fitting(brief: Brief) -> str:
    """The page as it fits on its sheet; where nothing can lay it out, as wide as it comes."""
    return _fitting(brief)[0] if available() else page.html(brief)


def available() -> bool:
    """Whether PDF can be made here."""
    try:
        _renderer()
    except UserError:
        return False
    return True


def _fitting(brief: Brief) -> tuple[str, Any]:
    html = page.html(brief)
    document = _laid_out(html)
    for tight in range(1, page.TIGHTEST + 1):
        if brief.asked.long or len(document.pages) == 1:
            break
        html = page.html(brief, tight)
        document = _laid_out(html)
    return html, document


def _laid_out(html: str) -> Any:
    weasyprint = _renderer()
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    return weasyprint.HTML(string=_whole_words(html), url_fetcher=nothing, base_url=None).render()


def _whole_words(html: str) -> str:
    """The page with Korean words that do not break: the renderer knows no ``word-break: keep-all``."""
    head, body, rest = html.partition("<body")
    return head + body + re.sub(r">[^<]+", lambda words: _INSIDE.sub(_JOINER, words[0]), rest)


def _written(document: Any) -> bytes:
    content: bytes = document.write_pdf(pdf_identifier=b"cews")
    return content


def _renderer() -> Any:
    try:
        import weasyprint
    except ImportError as error:
        raise UserError(MISSING) from error
    except OSError as error:  # the package is there, and the libraries of the system that it needs are not
        raise UserError(f"{MISSING} Libraries of the system are missing: {error}") from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it remarks on every rule that is for screens
    return weasyprint
