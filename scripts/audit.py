"""Look every pin up in PyPI's list of known vulnerabilities: `make audit`.

pip-audit does the asking. It calls a package that it could not look up "skipped" and the rest
clean; here, anything that was not looked up is a failure. What SECURITY.md accepts, with its
reasons, is listed and does not fail.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

from starter import Problem, console, preflight

LOCKS = [PROJECT / "requirements.txt", *PROJECT.glob("locks/*.txt")]
ID = r"(?:CVE-\d+-\d+|GHSA(?:-\w{4}){3}|PYSEC-\d+-\d+)"


def accepted(security):
    """The ids in the table rows of SECURITY.md, by package: `{package: {id, ...}}`."""
    rows = re.findall(r"^\| *`?([\w.-]+)`?[^|]*\|(.*)$", security, re.M)
    found = {}
    for package, row in rows:
        found.setdefault(package, set()).update(re.findall(ID, row))
    return found


def look_up(pins):
    """What is known of each pin, as pip-audit's JSON has it: `{(name, version): [dict, ...]}`.

    Raises:
        Problem: if one of them could not be looked up.
    """
    listed = "".join(f"{name}=={version}\n" for name, version in sorted(pins))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps"),
            *("--requirement", "/dev/stdin", "--format", "json", "--progress-spinner", "off"),
        ],
        input=listed,
        capture_output=True,
        encoding="utf-8",
    )
    try:
        answer = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise Problem(f"nothing was checked; pip-audit said: {said[-1]}") from None
    known = {(one["name"], one["version"]): one["vulns"] for one in answer if "vulns" in one}
    unknown = sorted(name for name, version in pins - set(known))
    if unknown:
        raise Problem(
            f"{len(unknown)} of {len(pins)} packages could not be looked up at pypi.org "
            f"({', '.join(unknown[:3])}, ...): that is no result; try again where it is in reach"
        )
    return known


def main():
    """Look every pin up; fail at a vulnerability that SECURITY.md does not accept."""
    pins = {pin for lock in LOCKS for pin in preflight.pins(lock).items()}
    # pip-audit takes one version of a package at a time; some platforms have another one.
    common = dict(sorted(pins)).items()
    known = {**look_up(set(common)), **look_up(pins - set(common))}
    allowed = accepted((PROJECT / ".github" / "SECURITY.md").read_text("utf-8"))
    new = 0
    unlisted = {(name, one) for name, ids in allowed.items() for one in ids}
    for (name, version), vulnerabilities in sorted(known.items()):
        for one in vulnerabilities:
            names = {one["id"], *one["aliases"]}
            is_new = not names & allowed.get(name, set())
            new += is_new
            unlisted -= {(name, one) for one in names}
            mended = ", ".join(one["fix_versions"]) or "no version"
            verdict = "NEW" if is_new else "accepted in SECURITY.md"
            print(f"{name} {version}: {' '.join(sorted(names))}, mended in {mended}: {verdict}")
    for name, one in sorted(unlisted):
        print(f"{name}: {one} is accepted in SECURITY.md, and PyPI does not list it")
    print(f"{len(known)} packages checked, {new} new vulnerabilities")
    if new:
        raise Problem(
            "move the pins named NEW above (make bump PACKAGE=...), or accept them in SECURITY.md "
            "and say why they do no harm here"
        )


if __name__ == "__main__":
    console.run(main)
