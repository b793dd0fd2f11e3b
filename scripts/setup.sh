#!/bin/sh
# Makes .venv with exactly what the lock files name; does nothing if that is done.
# usage: [PYTHON=...] scripts/setup.sh [dev|which|lock]
#   dev    the tests' packages as well
#   which  only print the Python that it would use, fetched if there is none
#   lock   only print the lock file that it would install
set -eu

fail() {
    echo "error: $*" >&2
    exit 1
}

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

supported() { # a pyenv shim that only prints an error has no version
    case " $versions " in *" $(version_of "$1" || echo none) "*) ;; *) return 1 ;; esac
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
    for version in $versions; do
        while IFS= read -r candidate; do
            if supported "$candidate"; then echo "$candidate" && return; fi
        done <<-EOF
		$(places "$version")
		EOF
    done
}

# Has the first version manager that is there and can do it fetch the pinned Python.
# uv and mise download one (seconds), pyenv and asdf compile it (minutes).
fetch_python() {
    for manager in uv mise pyenv asdf; do
        command -v "$manager" >/dev/null || continue
        echo "No Python $series here: $manager gets Python $pinned" >&2
        case $manager in
            uv) uv python install "$pinned" ;;
            mise) mise install --yes "python@$pinned" ;;
            pyenv) pyenv install --skip-existing "$pinned" ;;
            asdf) asdf install python "$pinned" ;;
        esac >&2 </dev/null || continue
        python=$(find_python)
        [ -z "$python" ] || break
    done
}

# Sets $lock to the lock file for the platform of $python. preflight.py does the same.
choose_lock() {
    platform=$("$python" -c 'import platform as p; print((p.system() + "-" + p.machine()).lower())')
    if "$python" -c 'import sysconfig as s; exit("musl" not in s.get_config_var("HOST_GNU_TYPE"))' 2>/dev/null; then
        platform=$platform-musl # Alpine: another C library, which TensorFlow is not built for
    fi
    case $platform in
        linux-x86_64) lock=requirements.txt ;;
        *) lock=locks/$platform.txt ;;
    esac
    [ -f "$lock" ] ||
        fail "there is no lock for $platform, because TensorFlow 2.12 or Ray 2.2 has no package for it;" \
            "use Linux on x86-64, or a platform with a file in locks/"
}

compiles() { # C++ of this line
    # shellcheck disable=SC2086  # CC may hold options: "gcc -pthread"
    echo "$1" | $compiler -x c++ -fsyntax-only "-I$headers" - >/dev/null 2>&1
}

# box2d-py is compiled on this machine: find out now, not after the download.
check_build_tools() {
    case $lock in *windows*) return ;; esac # its compiler is not called cc
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
    # --no-compile: pip byte-compiles on one core; below, all of them do.
    "$bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
        --require-hashes "$@" ||
        fail "the installation is not finished (pip says why, above); mend that and run the same command again"
}

pinned=$(awk '$1 == "python" { print $2 }' .tool-versions)
series="3.8, 3.9 or 3.10"
versions="$pinned 3.8 3.9 3.10"
if [ "$(uname -s)-$(uname -m)" = Darwin-arm64 ]; then # three packages have no file for 3.8 there
    pinned=3.9.18
    series="3.9 or 3.10"
    versions="$pinned 3.9 3.10"
fi
# Each name holds a checksum of what it stands for, comments left out, and is written
# last: an interrupted set-up, or one of other locks, is never taken for a finished one.
checksum() {
    sed '/^ *#/d' "$@" | cksum | tr ' ' -
}
ready=.venv/ready-$(checksum .tool-versions requirements.txt locks/build.txt locks/*-*.txt)
dev_ready=.venv/dev-ready-$(checksum locks/dev.txt)

python=
if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON") || true
    supported "$python" ||
        fail "PYTHON=$PYTHON is not a working Python $series; name one that is, or leave PYTHON out"
fi

bin=.venv/bin
[ ! -d .venv/Scripts ] || bin=.venv/Scripts # Windows

finished() {
    [ -e "$ready" ] && supported "$bin/python" || return 1
    [ -z "$python" ] || [ "$(version_of "$python")" = "$(version_of "$bin/python")" ]
}

if [ "${1:-}" = which ] || [ "${1:-}" = lock ] || ! finished; then
    [ -n "$python" ] || python=$(find_python)
    [ -n "$python" ] || fetch_python
    [ -n "$python" ] ||
        fail "no Python $series found, and no uv, mise, pyenv or asdf that could get one;" \
            "install uv, say, and run the same command again, or name your Python: make PYTHON=/path/to/python3.8"
    if [ "${1:-}" = which ]; then
        echo "$python"
        exit
    fi
    choose_lock
    if [ "${1:-}" = lock ]; then
        echo "$lock"
        exit
    fi
    check_build_tools
    echo "Setting up .venv with $("$python" --version 2>&1) from $python"
    rm -rf .venv
    "$python" -m venv .venv || fail "could not make .venv (Python says why, above)"
    [ ! -d .venv/Scripts ] || bin=.venv/Scripts
    install --quiet -r locks/build.txt
    export PATH="$PWD/$bin:$PATH" # box2d-py's build calls swig, from the line above
    # box2d-py takes one core as long to compile as another takes to install the rest: do both at
    # once. They are a pipeline, so that Ctrl-C reaches both and this script outlives both.
    awk '/^[^ #]/ { part = /^box2d-py==/ ? "compiled" : "rest" }
        { print >(".venv/" part ".txt") }' part=rest "$lock"
    echo "Compiling box2d-py while the other packages are installed"
    {
        [ ! -e .venv/compiled.txt ] ||
            install --quiet --no-deps --no-build-isolation -r .venv/compiled.txt
        rm -f .venv/compiled.txt
    } 2>&1 | {
        install --no-build-isolation -r .venv/rest.txt </dev/null
        cat >&2 # what the first one had to say
    }
    [ ! -e .venv/compiled.txt ] || exit 1
    # Quietly: what old packages are warned of, and a file or two for Python 2, is no user's concern.
    "$bin/python" -m compileall -qq -j 0 .venv >/dev/null 2>&1 || true
    : >"$ready"
fi

if [ "${1:-}" = dev ] && [ ! -e "$dev_ready" ]; then
    install --quiet --no-build-isolation -r locks/dev.txt
    : >"$dev_ready"
fi
