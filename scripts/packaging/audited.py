"""Judge what pip-audit found: ``audited.py LOCK REPORT``.

pip-audit calls it no vulnerability, and a success, when its service could not say
anything about a package. Here what was not audited is not good.
"""

import json
import sys
from pathlib import Path

GOOD, VULNERABLE, UNKNOWN = 0, 1, 2


def judge(lock: str, report: str) -> tuple[int, list[str]]:
    """Return the exit status and what to say.

    Parameters
    ----------
    lock : str
        Text of the lock file.
    report : str
        What pip-audit printed as JSON; empty if it failed.
    """
    locked = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    if not report.strip():
        return UNKNOWN, ["pip-audit failed; nothing was audited"]
    found = {each["name"]: each for each in json.loads(report)["dependencies"]}
    vulnerable = [
        f"{name} {each['version']}: {hole['id']}, fixed in "
        f"{', '.join(hole['fix_versions']) or 'no version yet'}"
        for name, each in sorted(found.items())
        for hole in each.get("vulns", [])
    ]
    unknown = [
        f"{name}: not audited: {found.get(name, {}).get('skip_reason', 'not reported')}"
        for name in sorted(locked)
        if "vulns" not in found.get(name, {})
    ]
    if vulnerable:
        return VULNERABLE, [*vulnerable, *unknown]
    if unknown or not locked:
        why = "the service that knows advisories was not reached, or does not know it"
        return UNKNOWN, [*unknown, f"{len(unknown)} of {len(locked)} unknown: {why}"]
    return GOOD, [f"{len(locked)} packages, nothing known against them"]


if __name__ == "__main__":
    status, words = judge(*(Path(name).read_text() for name in sys.argv[1:3]))
    for line in words:
        print(f"{sys.argv[1]}: {line}")
    sys.exit(status)
