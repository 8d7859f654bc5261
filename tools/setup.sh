#!/bin/sh
# Make .venv with the runtime in it, and fetch the face models. Runs in the root of the checkout.
set -eu

usable() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! usable .venv/bin/python; then
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if usable "$candidate"; then
            python=$candidate
            break
        fi
    done
    if [ -z "${python:-}" ]; then
        echo "setup: no Python 3.11 or newer with venv; on Debian 12: apt-get install python3-venv" >&2
        exit 1
    fi
    "$python" -m venv --clear .venv
fi

echo "setup: installing the runtime into .venv"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable .
.venv/bin/python -m tools.face_models
