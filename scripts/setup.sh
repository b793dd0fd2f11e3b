#!/bin/sh
# Makes .venv with exactly what the locks pin: sh scripts/setup.sh [PYTHON]
# If that is done, it does nothing. uv does the work; where there is none, pip gets it.
set -eu
cd "$(dirname "$0")/.."
asked=${1:-}
for name in $(env | sed -n 's/^\(PYTHON[A-Z]*\)=.*/\1/p'); do unset "$name"; done # another project's

fail() {
    echo "error: $*" >&2
    exit 1
}

platform=$(uname -sm | tr 'A-Z ' 'a-z-')
case $platform in linux-x86_64) lock=requirements.txt ;; *) lock=locks/$platform.txt ;; esac
if ldd --version 2>&1 | grep -q musl; then platform=$platform-musl lock=; fi # Alpine
[ -f "$lock" ] ||
    fail "there is no lock for $platform, because TensorFlow 2.12 or Ray 2.2 has no package for it;" \
        "use Linux on x86-64, or a platform with a file in locks/"
locks="locks/build.txt $lock locks/dev.txt"
pinned=$(awk '$1 == "python" { print $2 }' .tool-versions) versions="3.8 3.9 3.10"
if [ "$platform" = darwin-arm64 ]; then # three packages have no file for 3.8 there
    pinned=3.9.18 versions="3.9 3.10"
fi

cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME-}/.cache}/uv}
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || export UV_CACHE_DIR="$PWD/.setup/cache"
for uv in uv .setup/uv/bin/uv none; do # the first that is new enough to know --clear
    if "$uv" venv --clear --help >/dev/null 2>&1; then break; fi
done

version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

# .venv/made-in is written last, removed before anything changes, and wrong after a move.
usable() {
    here=$(cd .venv 2>/dev/null && pwd -P) && [ "$(cat .venv/made-in 2>/dev/null)" = "$here" ] &&
        has=$(version .venv/bin/python) && { [ -z "$asked" ] || [ "$has" = "$(version "$asked")" ]; }
}

finished() {
    usable && "$uv" pip sync --dry-run --offline --python .venv/bin/python $locks 2>&1 |
        grep -q "Would make no changes"
}

if finished; then exit; fi
mkdir -p .setup
if command -v flock >/dev/null; then # one at a time: until this script and its uv have ended
    exec 9>.setup/lock
    flock -n 9 || { echo "Waiting for another set-up in this folder" && flock 9; } || :
    if finished; then exit; fi
fi

if [ "$uv" = none ]; then
    uv=.setup/uv/bin/uv
    python3 -m venv --clear .setup/uv >/dev/null 2>&1 ||
        fail "set-up needs uv, or a python3 with venv to get it: 'sudo apt install python3-venv' on" \
            "Debian and Ubuntu, or https://docs.astral.sh/uv; then run the same command again"
    sed -n '/^uv==/,/^ *#/p' locks/dev.txt >.setup/uv.txt
    .setup/uv/bin/python -m pip --disable-pip-version-check install --quiet --no-user \
        --require-hashes -r .setup/uv.txt ||
        fail "pip could not get uv; put right what it says, then run the same command again"
fi
. scripts/uv.sh

find_python() {
    for one in "$pinned" $versions; do
        "$uv" python find --system --no-project --no-python-downloads "$one" 2>/dev/null && return
    done
    "$uv" python install --no-bin "$pinned" >&2 && "$uv" python find --system --no-project "$pinned"
}

another="name another: make PYTHON=/path/to/python3.9"
new=no
if usable && [ ! -L .venv ]; then
    python=.venv/bin/python
elif [ -n "$asked" ]; then
    new=yes python=$(command -v "$asked") || fail "PYTHON=$asked is not there; $another"
else
    new=yes python=$(find_python) || fail "uv could not get Python $pinned; run the same command" \
        "again, or $another"
fi

# What would otherwise fail after the download.
case " $versions " in
    *" $(version "$python") "*) ;;
    *) fail "$python does not work, or is none of Python $versions; $another" ;;
esac
compiler=$("$python" -c 'import bz2, ctypes, lzma, os, ssl, sysconfig, zlib
compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
print(compiler, "-I" + sysconfig.get_paths()["include"])' 2>&1) ||
    fail "$python is not complete ($(echo "$compiler" | tail -n 1)); $another"
said=$(printf '#include <cmath>\n#include <Python.h>\n' | $compiler -x c++ -fsyntax-only - 2>&1) ||
    fail "box2d-py needs a C++ compiler and Python.h ($(echo "$said" | head -n 1)):" \
        "'sudo apt install g++ python3-dev' (Debian, Ubuntu), 'sudo dnf install gcc-c++ python3-devel'" \
        "(Fedora) or 'xcode-select --install' (macOS)"

[ ! -L .venv ] || rm .venv # a link to another clone's, which stays
rm -f .venv/made-in
if [ $new = yes ]; then
    "$uv" venv --quiet --clear --no-project --python "$python" .venv || fail "uv could not make .venv"
fi
PATH=$PWD/.venv/bin:$PATH # box2d-py's build calls swig
"$uv" pip install --quiet --python .venv/bin/python --require-hashes -r locks/build.txt &&
    "$uv" pip sync --python .venv/bin/python --require-hashes --no-build-isolation $locks ||
    fail "set-up is not finished; put right what uv says, then run the same command again"
echo ../../../.. >"$(echo .venv/lib/python*/site-packages)/project.pth" # so that `starter` is found
(cd .venv && pwd -P >made-in)
