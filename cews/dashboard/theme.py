"""Colours of charts and of the component library. The style sheet holds the same values for the page."""

from __future__ import annotations

from typing import Any, Final

from cews.domain import Level

INK: Final = "#17345B"  # observed
BLUE: Final = "#2F68B8"  # expectation and its bands
ORANGE: Final = "#C8660F"  # unit value
MUTED: Final = "#C3C9D4"  # other suppliers
LAND: Final = "#E6E9EE"  # a country of the map that is not spoken of
HOME: Final = "#D5281F"  # the country whose trade it is
CLASSES: Final = ("#D3E2F4", "#A5C3E8", "#6C9DD8", "#3A71BB", "#1B4079")  # of the map, least first
SUPPLIERS: Final = ("#2F68B8", "#E08A3C", "#4BA37F", "#B2548C", "#8C7DCB", "#5FA8C9")

LEVEL_COLOURS: Final = {
    Level.ATTENTION: "#3B82D6",
    Level.CAUTION: "#D6A206",
    Level.ALERT: "#E8710A",
    Level.SEVERE: "#D5281F",
}
LEVEL_SYMBOLS: Final = {
    Level.ATTENTION: "circle",
    Level.CAUTION: "square",
    Level.ALERT: "triangle-up",
    Level.SEVERE: "diamond",
}

FONT: Final = (
    '"Pretendard Variable", Pretendard, "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", '
    '"Malgun Gothic", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
)

# The library's own dark palette is bluish grey; ours follows the page.
MANTINE: Final[dict[str, Any]] = {
    "fontFamily": FONT,
    "primaryColor": "cews",
    "primaryShade": {"light": 6, "dark": 5},
    "defaultRadius": "md",
    "colors": {
        "cews": [
            "#EDF3FB",
            "#D8E5F6",
            "#B3CCEC",
            "#8CB1E1",
            "#6A9AD8",
            "#4A82CB",
            "#2F68B8",
            "#27589D",
            "#1F4880",
            "#17345B",
        ],
        "dark": [
            "#E6EAF0",
            "#C3CBD6",
            "#9BA7B6",
            "#738194",
            "#3A4655",
            "#26303B",
            "#1B2530",
            "#151C24",
            "#10161D",
            "#0E1319",
        ],
    },
}
