#!/bin/sh
# Makes .venv (VENV names another) and brings it to the lock. Called by the Makefile; needs python3 (3.11 or later), or
# the one that PYTHON names, and nothing else.
# May be run again at any time: what an interrupted run left behind is completed or made anew.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $1" >&2
    exit 1
}

venv=${VENV:-.venv}
how_to_get_it="install it by pyenv, by \`uv python install\`, or with the system's packages"
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        case $candidate in
        python3.*) found=$(infra/find_python.sh "${candidate#python}") || continue ;;
        *) found=$candidate ;;
        esac
        if "$found" -c "$new_enough" 2>/dev/null; then
            echo "$found"
            return
        fi
    done
    [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is no Python 3.11 or later of this machine: $how_to_get_it"
    fail "Python 3.11 or later is needed, and none is on the PATH: $how_to_get_it, or say where: PYTHON=/path/to/python3 make run"
}

if ! "$venv"/bin/python -c "$new_enough" 2>/dev/null; then
    python=$(find_python)
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$python has no venv module. On Debian and Ubuntu: apt install python3-venv"
    echo "setup: making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

# uv installs the rest ten times as fast as pip; it comes by its own hashes out of the same lock.
if ! "$venv"/bin/uv --version >/dev/null 2>&1; then
    mkdir -p build
    awk '/^uv==/ { found = 1 } found { print } found && !/\\$/ { exit }' requirements-dev.txt > build/uv.txt
    "$venv"/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r build/uv.txt ||
        fail "uv could not be installed: is the package index reachable?"
fi

echo "setup: installing the locked packages"
"$venv"/bin/uv pip sync --quiet --python "$venv"/bin/python --require-hashes requirements-dev.txt ||
    fail "the locked packages could not be installed: is the package index reachable?"
# A package of this repository has no hash to be locked by; what it needs is in the lock, and uv itself builds it.
"$venv"/bin/uv pip install --quiet --python "$venv"/bin/python --no-deps --editable packages/ses-mailbox ||
    fail "packages/ses-mailbox could not be installed"
"$venv"/bin/python -m infra.assets || fail "what the packages carry for the app could not be made"
touch "$venv"/.up-to-date
