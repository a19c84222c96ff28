#!/bin/sh
# Prints where a Python of version $1 (such as 3.13) lies, and ends with 1 where there is none: on the PATH, among
# pyenv's, which its shims hide until one is chosen, or among uv's. Asked by setup.sh and infra/runtimes.py.
right="import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')"
for candidate in "python$1" python3 "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/"python$1" \
    "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}/cpython-$1".*/bin/"python$1"; do
    if "$candidate" -I -c "$right" 2>/dev/null; then
        command -v "$candidate"
        exit
    fi
done
exit 1
