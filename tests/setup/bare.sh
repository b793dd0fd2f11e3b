#!/bin/sh
# The README's two commands on a bare Debian (or Ubuntu, on one), as an ordinary user with what the
# README has them install: `make test-bare`, as root, with debootstrap. uv gets its Python from a
# mirror on that machine, whose build of Python links to the libraries named below.
set -eu
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
chmod 755 "$root"
trap 'umount "$root/proc"; rm -rf "$root"' EXIT
. /etc/os-release
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror" >/dev/null
mount -t proc proc "$root/proc"
git clone --quiet --bare . "$root/srv/lander"
settings=$(PYTHONPATH=tests .venv/bin/python -c "from helpers import python_build
for item in python_build.mirror('$root/srv/mirror', '/srv/mirror').items(): print('%s=%s' % item)")
prefix=$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')
cp --parents "$prefix"/lib/libpython3*.so* "$root" || true # where that build looks for it
chmod -R a+rX "$root/root"
for name in PIP_INDEX_URL http_proxy https_proxy no_proxy; do # how this machine reaches an index
    settings="$settings $(env | grep "^$name=" || true)"
done
if [ -n "${PIP_CERT:-}" ]; then
    cp "$PIP_CERT" "$root/srv/index.crt"
    settings="$settings PIP_CERT=/srv/index.crt"
fi

as() { # USER COMMAND
    chroot --userspec="$1" "$root" env -i HOME="/home/$1" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        $settings sh -c "cd; $2" </dev/null
}

install() {
    as root "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $*" >/dev/null 2>&1
}

fails_with() { # WORDS COMMAND
    if said=$(as reader "$2" 2>&1); then echo "did not fail: $2" && exit 1; fi
    echo "$said" | grep "^error: .*$1"
}

readme() { # the README's NUMBERth
    sed -n '/^```sh$/,/^```$/p' README.md | grep -v '^```' | sed -n "$1p" | sed 's#ADDRESS#/srv/lander#'
}

chroot "$root" useradd --create-home --home-dir /home/reader reader
as root "chown -R reader /srv && mkdir /home/root"
install git make libssl3 libffi8 zlib1g libbz2-1.0 liblzma5 libsqlite3-0
fails_with "apt install python3-venv" "$(readme 1)"
install python3-venv
fails_with "pip could not get uv" "cd lander && PIP_INDEX_URL=http://127.0.0.1:9/simple make"
fails_with "apt install" "cd lander && make"
[ ! -e "$root/home/reader/lander/.venv" ]
rm -r "$root/home/reader/lander"

install $(sed -n 's/.*sudo apt install \([^`]*\)`.*/\1/p' README.md)
as reader "$(readme 1)" | tee "$root/said"
grep -q "LunarLander-v2 is solved" "$root/said"
(cd "$root/home/reader" && head -qc 6 lander/runs/*/lander.gif | grep GIF89a &&
    [ "$(ls -d .[!.b]* .cache/* * | grep -v /pip | xargs)" = ".cache .cache/uv .profile lander" ])
as reader "cd lander && $(readme 2)"
as root "rm -rf /home/reader && mkdir /home/reader"
as reader "git clone --quiet /srv/lander /srv/again && cd /srv/again && make ITERATIONS=1"
[ -z "$(ls -A "$root/home/reader")" ]
echo "all is well"
