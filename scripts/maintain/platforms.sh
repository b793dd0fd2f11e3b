# Does the index have a file for every pin, and a lock every dependency, on each platform and
# Python? `make platforms`.
# Nothing is installed. A file is a wheel, or the source of one of the three packages that set-up builds.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export MACOSX_DEPLOYMENT_TARGET=12.0

has_all() { # LOCK PLATFORM PYTHON
    printf '%s, Python %s: ' "$1" "$3"
    .venv/bin/uv pip install --dry-run --quiet --require-hashes --target "$scratch" \
        --only-binary :all: --no-binary box2d-py --no-binary gym --no-binary jax \
        --python-platform "$2" --python-version "$3" -r "$1"
    echo "all there"
}

for python in 3.8 3.9 3.10; do
    has_all requirements.txt x86_64-manylinux_2_31 "$python" # the C library of Debian 11
    has_all locks/linux-aarch64.txt aarch64-manylinux_2_31 "$python"
    [ "$python" = 3.8 ] || has_all locks/darwin-arm64.txt aarch64-apple-darwin "$python"
done
