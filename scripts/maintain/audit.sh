# Looks every pin up in PyPI's list of known vulnerabilities, `make audit`. The ids in the table
# of SECURITY.md are accepted.
set -eu
accepted=$(sed -n '/^|/p' .github/SECURITY.md | grep -oE '(CVE|PYSEC)(-[0-9]+){2}|GHSA(-\w{4}){3}')
for lock in locks/*.txt; do
    echo "$lock"
    .venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
        $(printf -- '--ignore-vuln=%s ' $accepted) --requirement "$lock" || failed=yes
done
[ -z "${failed:-}" ] || {
    echo "error: for a vulnerability, move the pin (make bump PACKAGE=...), or accept its id in" \
        ".github/SECURITY.md and say why it does no harm here" >&2
    exit 1
}
