"""Look every pin up in PyPI's list of known vulnerabilities: `make audit`.

`pip-audit --strict` does it, and fails at a package that it could not look up. It is told to
ignore the ids in the table of SECURITY.md.
"""

import re
import subprocess
import sys

from starter import PROJECT, Problem, console, preflight

LOCKS = [PROJECT / "requirements.txt", *PROJECT.glob("locks/*.txt")]
ID = r"(?:CVE-\d+-\d+|GHSA(?:-\w{4}){3}|PYSEC-\d+-\d+)"


def accepted(security):
    """The ids in the table rows of SECURITY.md, by package: `{package: {id, ...}}`."""
    found = {}
    for package, row in re.findall(r"^\| *`?([\w.-]+)`?[^|]*\|(.*)$", security, re.M):
        found.setdefault(package, set()).update(re.findall(ID, row))
    return found


def main():
    """Look every pin up; fail at a vulnerability that SECURITY.md does not accept."""
    ids = set().union(*accepted((PROJECT / ".github/SECURITY.md").read_text("utf-8")).values())
    pins = {pin for lock in LOCKS for pin in preflight.pins(lock).items()}
    # pip-audit takes one version of a package at a time; some platforms have another one.
    one_each = set(dict(sorted(pins)).items())
    command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--no-deps"]
    command += ["--progress-spinner", "off", "--requirement", "/dev/stdin"]
    command += [f"--ignore-vuln={one}" for one in sorted(ids)]
    for asked in (one_each, pins - one_each):
        done = subprocess.run(
            command,
            input="".join(f"{name}=={version}\n" for name, version in sorted(asked)),
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["pip-audit failed"])[-1]
            said = said.replace("ERROR:pip_audit._cli:", "")
            if not said.startswith("Found"):
                raise Problem(f"{said}; so this audit says nothing")
            raise Problem(
                f"{said}; move those pins (make bump PACKAGE=...), or accept the ids in "
                "SECURITY.md and say why they do no harm here"
            )
    print(f"{len(pins)} packages checked, no vulnerability that SECURITY.md does not accept")


if __name__ == "__main__":
    console.run(main)
