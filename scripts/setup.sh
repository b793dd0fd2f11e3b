#!/bin/sh
# Makes .venv with exactly what the lock files name; does nothing if that is done.
# usage: [PYTHON=...] scripts/setup.sh [dev|which|lock]
#   dev    the tests' packages as well
#   which  only print the Python that it would use, fetched if there is none
#   lock   only print the lock file that it would install
# Besides .venv it writes to .setup/: logs, and a Python where the machine has none.
set -eu
unset PYTHONHOME PYTHONPATH # of another project: main.py sees them, set-up does not

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

# Where version $1 is kept here and by the version managers, and what PATH calls it, one per line.
# pyenv and uv do not read .tool-versions, so all of them are told the version.
places() {
    for own in "$PWD/.setup/python/cpython-$1"*/bin/python3; do echo "$own"; done
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
        done <<-END
		$(places "$version")
		END
    done
}

# Has the first version manager that is there and can do it fetch the pinned Python: uv and mise
# download one (seconds), pyenv and asdf compile it (minutes). Where there is none, any python3
# fetches uv, which does it.
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
        [ -z "$python" ] || return 0
    done
    python=python3
    "$python" -c 'import json, ssl, sys, urllib.request, zipfile; sys.exit(sys.version_info < (3, 8))' 2>/dev/null ||
        fail "no Python $series found, and nothing that could fetch one; install python3 (any from 3.8 on) or uv" \
            "and run the same command again, or name your Python: make PYTHON=/path/to/python3.8"
    choose_lock # a platform without one needs no Python either
    echo "No Python $series here: uv gets Python $pinned, into .setup/ (50 MB to download)" >&2
    "$python" -m scripts.fetch_python "$pinned" || exit
    python=$(find_python)
    [ -n "$python" ] || fail "the Python $pinned that uv got does not run here; see .setup/python.log"
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

# One set-up at a time in this clone: file 9 is locked until this script ends, however it ends.
take_turn() {
    mkdir -p .setup
    exec 9>.setup/lock
    "$1" -c 'import fcntl, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Waiting for another set-up in this folder", flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks'
}

# If .venv is whole, removes the one before it; else brings that back, if there is one.
settle() {
    trap '' INT TERM HUP
    if ! ls .venv/ready-* >/dev/null 2>&1; then
        rm -rf .venv
        [ ! -e .setup/previous ] || mv .setup/previous .venv
    fi
    rm -rf .setup/previous
    trap - EXIT INT TERM HUP
}

make_venv() {
    case $python in # of an activated .venv, which is about to be moved
        "$PWD"/.venv/*) python=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') ;;
    esac
    # An environment works only where it was made, so the old one makes room.
    if [ -e .venv ] || [ -L .venv ]; then mv .venv .setup/previous; fi
    trap settle EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    "$python" -m venv .venv >.setup/venv.log 2>&1 ||
        fail "$python could not make .venv: $(tail -n 1 .setup/venv.log); all that it said is in .setup/venv.log"
    .venv/bin/python -m scripts.install "at most 850 MB to download, one to three minutes" \
        locks/build.txt "$lock" || exit
    : >"$ready"
    settle
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

finished() {
    [ -e "$ready" ] && supported .venv/bin/python || return 1
    [ -z "$python" ] || [ "$(version_of "$python")" = "$(version_of .venv/bin/python)" ]
}

if [ "${1:-}" = which ] || [ "${1:-}" = lock ] || ! finished; then
    [ -n "$python" ] || python=$(find_python)
    [ -n "$python" ] || fetch_python
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
    "$python" -m scripts.install --check locks/build.txt "$lock" ${1:+locks/dev.txt} || exit
    take_turn "$python"
    [ ! -e .setup/previous ] || settle # after a set-up that was killed
    finished || make_venv
fi

if [ "${1:-}" = dev ] && [ ! -e "$dev_ready" ]; then
    take_turn .venv/bin/python
    [ -e "$dev_ready" ] ||
        .venv/bin/python -m scripts.install "at most 60 MB to download, less than a minute" locks/dev.txt ||
        exit
    : >"$dev_ready"
fi
