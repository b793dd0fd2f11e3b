# Sourced: what uv should know of this machine. What uv itself is told stays.

# The Pythons of version managers, before their shims, which fail where another one is chosen.
for folder in "${UV_PYTHON_INSTALL_DIR:-${HOME-}/.local/share/uv/python}"/*/bin \
    "${MISE_DATA_DIR:-${HOME-}/.local/share/mise}"/installs/python/*/bin \
    "${ASDF_DATA_DIR:-${HOME-}/.asdf}"/installs/python/*/bin \
    "${PYENV_ROOT:-${HOME-}/.pyenv}"/versions/*/bin; do
    PATH=$folder:$PATH
done
export UV_PYTHON_INSTALL_DIR="$PWD/.setup/python" # what it downloads stays in the clone

# Where pip finds packages; uv does not read that. docs/reference.md says what is not passed on.
for python in .setup/uv/bin/python .venv/bin/python python3; do
    settings=$("$python" -m pip config list 2>/dev/null) && break
done

pass_on() { # OPTION VARIABLE [SEPARATOR]
    eval "value=\${$2:-\${PIP_$(echo "$1" | tr a-z- A-Z_):-}}" # for pip, the first one counts
    for section in install global; do
        [ -n "$value" ] || value=$(printf '%s\n' "$settings" |
            sed -n "s/^$section\.$1=.\(.*\).\$/\1/p" | sed 's/\\n/ /g')
    done
    value=$(echo "$value" | sed 's/^ *//; s/ *$//; s/  */'"${3:- }/g")
    [ -z "$value" ] || export "$2=$value"
}

pass_on index-url UV_DEFAULT_INDEX
if [ -z "${UV_INDEX:-}" ]; then # uv's default comes last; for pip, it is first and all are alike
    pass_on extra-index-url UV_INDEX
    [ -z "${UV_INDEX:-}" ] || export UV_INDEX_STRATEGY=unsafe-best-match \
        UV_INDEX="${UV_DEFAULT_INDEX:-https://pypi.org/simple} $UV_INDEX"
fi
pass_on find-links UV_FIND_LINKS ,
pass_on trusted-host UV_INSECURE_HOST
pass_on proxy ALL_PROXY
pass_on cert SSL_CERT_FILE
