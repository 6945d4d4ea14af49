"""A page of a brief as PDF. The renderer may fetch nothing, neither from the network nor from the machine."""

from __future__ import annotations

from typing import Any

from cews.briefs import page
from cews.briefs.content import Brief
from cews.domain import UserError

_MISSING = "PDF needs an extra package; install it with: pip install 'cews[pdf]' (or choose the form html)."


class _FetchRefusedError(Exception):
    """A page asked for something outside itself."""


def of_brief(brief: Brief) -> bytes:
    """As PDF; a short brief is brought closer together until it fits on one sheet. Raises UserError."""
    document: Any = None
    for tight in range(page.TIGHTEST + 1):
        document = _laid_out(page.html(brief, tight))
        if brief.asked.long or len(document.pages) == 1:
            break
    return _written(document)


def of_html(html: str) -> bytes:
    """A page that was made before, as PDF. Raises UserError."""
    return _written(_laid_out(html))


def _laid_out(html: str) -> Any:
    weasyprint = _renderer()
    return weasyprint.HTML(string=html, url_fetcher=_refuse, base_url=None).render()


def _written(document: Any) -> bytes:
    content: bytes = document.write_pdf(pdf_identifier=b"cews", srgb=True)
    return content


def _renderer() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:  # OSError: the package is there and its system libraries are not
        raise UserError(
            _MISSING if isinstance(error, ImportError) else f"{_MISSING} The libraries it needs are missing: {error}"
        ) from error
    return weasyprint


def _refuse(url: str, *_args: object, **_more: object) -> dict[str, Any]:
    raise _FetchRefusedError(f"a brief asked for {url}; nothing is fetched")
