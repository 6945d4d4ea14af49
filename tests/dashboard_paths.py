"""An address for every page of the dashboard over the small world; what is missing here fails a test."""

from __future__ import annotations

PATHS = (
    "/",
    "/alerts",
    "/alerts/1",
    "/items",
    "/items/KOR/import/250410",
    "/suppliers",
    "/suppliers/CHN",
    "/compare",
    "/watchlists",
    "/watchlists/add",
    "/watchlists/import",
    "/watchlists/KOR/import/310210",
    "/data",
    "/data/releases",
    "/data/releases/1",
    "/data/releases/2",
    "/data/quarantine",
    "/jobs",
    "/jobs/1",
    "/notices",
    "/notices/1",
    "/notices/recipients",
    "/notices/recipients/new",
    "/notices/recipients/1",
    "/notices/rules",
    "/notices/silences",
    "/scorecard",
    "/audit",
    "/users",
    "/help",
)
NOWHERE = "/nowhere"
