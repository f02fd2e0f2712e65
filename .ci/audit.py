"""Ask the advisory database OSV whether a version that is pinned in constraints.txt has a known vulnerability.

One request for all of them. Where the database can't be reached that is said, and nothing fails.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

ADVISORIES = os.environ.get("ADVISORIES_URL", "https://api.osv.dev/v1/querybatch")
PINS = Path(__file__).parent / "constraints.txt"
SECONDS = 5

#: Advisories that don't concern us: id → why.
ACCEPTED: dict[str, str] = {}


def main() -> int:
    pins = [line.split("==") for line in PINS.read_text().splitlines() if "==" in line and not line.startswith("#")]
    queries = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in pins]
    request = urllib.request.Request(  # noqa: S310 - The address is the one above, or the caller's own.
        ADVISORIES, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            results = json.load(answer)["results"]
    except (OSError, ValueError, KeyError) as error:
        print(f"Not audited: the advisories at {ADVISORIES} can't be reached ({type(error).__name__}).")
        return 0
    found = [
        (name, version, advisory["id"])
        for (name, version), result in zip(pins, results, strict=True)
        for advisory in result.get("vulns", ())
        if advisory["id"] not in ACCEPTED
    ]
    for name, version, advisory in found:
        print(f"{name} {version}: https://osv.dev/vulnerability/{advisory}")
    print(
        f"Audited {len(pins)} packages: {len(found)} known {'vulnerability' if len(found) == 1 else 'vulnerabilities'}."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
