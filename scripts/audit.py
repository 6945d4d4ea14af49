"""Are there known weaknesses in what is locked? Asks OSV (https://osv.dev) by pip-audit, package by package.

Exit code 0: asked, none known. 1: found, and listed. 3: not asked, with the reason; that is no "none".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

FOUND, NOT_RUN = 1, 3
LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--osv-url", default="https://api.osv.dev/v1/query", help="a mirror of one's own")
    wish = parser.parse_args()
    told = subprocess.run(  # noqa: S603
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(wish.lock), "--no-deps", "--disable-pip"),
            *("--vulnerability-service", "osv", "--osv-url", wish.osv_url, "--format", "json"),
            *("--progress-spinner", "off", "--timeout", "10"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = told.stderr.strip().splitlines()
        sys.stderr.write(f"not run: {lines[-1] if lines else f'pip-audit ended with {told.returncode}'}\n")
        return NOT_RUN
    weak = [(one["name"], one["version"], one["vulns"]) for one in packages if one.get("vulns")]
    for name, version, found in weak:
        for one in found:
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            sys.stdout.write(f"{name} {version}: {one['id']} ({', '.join(one['aliases'])}), mended in {mended}\n")
    sys.stdout.write(f"{len(packages)} locked packages asked about, {len(weak)} with a known weakness\n")
    return FOUND if weak else 0


if __name__ == "__main__":
    sys.exit(main())
