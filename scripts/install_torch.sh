#!/bin/sh
# install_torch.sh PYTHON: installs the torch that constraints.txt names into that interpreter's environment.
#
# Which build (CPU or a CUDA version) is right depends on the machine, and plain pip cannot tell:
#   TORCH_INDEX_URL set   that index, for torch alone (its dependencies come with the next step, from the usual index)
#   uv on the PATH        uv looks at the machine
#   else                  pip takes what its index offers: on Linux that is often the larger CUDA build, which works
#                         on a CPU too
set -eu

python=$1
torch=$(grep '^torch==' constraints.txt)

if "$python" -c "import sys, importlib.metadata as m; sys.exit(m.version('torch').split('+')[0] != '${torch#torch==}')" 2>/dev/null; then
    exit 0
fi
if [ -n "${TORCH_INDEX_URL:-}" ]; then
    exec "$python" -m pip install --disable-pip-version-check --no-deps --index-url "$TORCH_INDEX_URL" "$torch"
fi
if command -v uv >/dev/null 2>&1; then
    if uv pip install --python "$python" --torch-backend=auto -c constraints.txt "$torch"; then
        exit 0
    fi
    echo "uv could not install torch here; using pip instead." >&2
fi
exec "$python" -m pip install --disable-pip-version-check -c constraints.txt "$torch"
