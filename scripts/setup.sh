#!/bin/sh
# Makes .venv with exactly what the lock files name; does nothing if that is done.
# usage: [PYTHON=...] scripts/setup.sh [dev|which]
#   dev    the tests' packages as well
#   which  only print the Python that it would use
set -eu

fail() {
    echo "error: $*" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

supported() { # a pyenv shim that only prints an error has no version
    case $(version_of "$1") in 3.8 | 3.9 | 3.10) ;; *) return 1 ;; esac
}

# Where the version managers keep version $1, and what PATH calls it, a line each.
# pyenv and uv do not read .tool-versions, so all of them are told the version.
places() {
    if prefix=$(asdf where python "$1" 2>/dev/null); then echo "$prefix/bin/python"; fi
    if prefix=$(mise where "python@$1" 2>/dev/null); then echo "$prefix/bin/python"; fi
    if prefix=$(pyenv prefix "$1" 2>/dev/null); then echo "$prefix/bin/python"; fi
    uv python find --no-project --no-python-downloads "$1" 2>/dev/null || true
    command -v "python$1" || true
}

find_python() {
    for version in "$pinned" 3.8 3.9 3.10; do
        places "$version" | while IFS= read -r candidate; do
            if supported "$candidate"; then echo "$candidate"; fi
        done
    done | head -n 1
}

compiles() { # C++ of this line
    # shellcheck disable=SC2086  # CC may hold options: "gcc -pthread"
    echo "$1" | $compiler -x c++ -fsyntax-only "-I$headers" - >/dev/null 2>&1
}

# box2d-py is compiled on this machine: find out now, not after the download.
check_build_tools() {
    compiler=${CC:-$("$python" -c 'import sysconfig as s; print(s.get_config_var("CC") or "cc")')}
    headers=$("$python" -c 'import sysconfig as s; print(s.get_paths()["include"])')
    compiles '#include <cmath>' ||
        fail "no C++ compiler ('$compiler' does not compile C++), and box2d-py needs one:" \
            "'sudo apt install g++' (Debian, Ubuntu), 'sudo dnf install gcc-c++' (Fedora) or 'xcode-select --install' (macOS)"
    compiles '#include <Python.h>' ||
        fail "$python has no Python.h, and box2d-py needs it: install python$(version_of "$python")-dev" \
            "(Debian, Ubuntu) or python$(version_of "$python")-devel (Fedora), or a Python from pyenv"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python cannot make virtual environments: install python$(version_of "$python")-venv" \
            "(Debian, Ubuntu), or a Python from pyenv"
}

install() {
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes "$@" ||
        fail "the installation is not finished (pip says why, above); mend that and run the same command again"
}

pinned=$(awk '$1 == "python" { print $2 }' .tool-versions)
# Each name holds a checksum of what it stands for, comments left out, and is written
# last: an interrupted set-up, or one of other locks, is never taken for a finished one.
checksum() {
    sed '/^ *#/d' "$@" | cksum | tr ' ' -
}
ready=.venv/ready-$(checksum .tool-versions requirements-build.txt requirements.txt)
dev_ready=.venv/dev-ready-$(checksum requirements-dev.txt)

python=
if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON") || true
    supported "$python" ||
        fail "PYTHON=$PYTHON is not a working Python 3.8, 3.9 or 3.10; name one that is, or leave PYTHON out"
fi

finished() {
    [ -e "$ready" ] && supported .venv/bin/python || return 1
    [ -z "$python" ] || [ "$(version_of "$python")" = "$(version_of .venv/bin/python)" ]
}

if [ "${1:-}" = which ] || ! finished; then
    [ -n "$python" ] || python=$(find_python)
    [ -n "$python" ] ||
        fail "no Python 3.8, 3.9 or 3.10 found; get one with 'asdf install python $pinned'," \
            "'mise install python@$pinned', 'pyenv install $pinned' or 'uv python install $pinned'," \
            "or name yours: make PYTHON=/path/to/python3.8"
    if [ "${1:-}" = which ]; then
        echo "$python"
        exit
    fi
    check_build_tools
    echo "Setting up .venv with $("$python" --version 2>&1) from $python"
    rm -rf .venv
    "$python" -m venv .venv || fail "could not make .venv (Python says why, above)"
    install --quiet -r requirements-build.txt
    export PATH="$PWD/.venv/bin:$PATH" # box2d-py's build calls swig, from the line above
    install --no-build-isolation -r requirements.txt
    : >"$ready"
fi

if [ "${1:-}" = dev ] && [ ! -e "$dev_ready" ]; then
    install --quiet --no-build-isolation -r requirements-dev.txt
    : >"$dev_ready"
fi
