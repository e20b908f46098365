#!/bin/sh
# install_vllm.sh PYTHON: installs vLLM's CPU build and what the tests need into that interpreter's environment, exactly
# as constraints-vllm.txt says and without following dependencies (the reason stands there).
#
#   TORCH_INDEX_URL set   torch comes from that index: it must be one with torch's CPU builds
#   else                  from wherever pip looks
set -eu

python=$1
pins=constraints-vllm.txt
torch=$(grep '^torch==' "$pins")
case "$(uname -sm)" in
"Linux x86_64") ;;
*)
    echo "$pins is for Linux on x86-64; this is $(uname -sm): vLLM's tests cannot run here." >&2
    exit 1
    ;;
esac
if ! "$python" -c "import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))"; then
    echo "vLLM's tests need Python 3.11 or 3.12, but $("$python" --version) was found: name one with PYTHON=/path/to/python3.11." >&2
    exit 1
fi

install() { "$python" -m pip install --disable-pip-version-check --no-deps "$@"; }

if ! install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} "$torch"; then
    echo "pip does not find $torch: set TORCH_INDEX_URL to the index of torch's CPU builds, then run make test-vllm again." >&2
    exit 1
fi
if ! install -r "$pins" -e ./shared -e .; then
    echo "vLLM's environment is not complete: what pip could not fetch stands above. Run make test-vllm again when it can." >&2
    exit 1
fi
"$python" -m pip uninstall --disable-pip-version-check -qqy torchvision torchaudio torchcodec
