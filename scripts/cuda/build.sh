#!/usr/bin/env bash
# Builds the shell so that it uses an NVIDIA GPU where there is one, and runs without one elsewhere.
#
#     scripts/cuda/build.sh FOLDER [CARGO ARGUMENT]…
#
# FOLDER becomes cargo's target folder and holds the CUDA compiler. With further arguments, these
# are cargo's in place of `build --release`.
set -euo pipefail

scripts=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- build --release

"$scripts/toolkit.sh" "$folder/toolkit"

export CUDA_HOME=$folder/toolkit/nvidia/cu13
export NVCC=$scripts/nvcc SEGUE_NVCC=$CUDA_HOME/bin/nvcc
# Kernels for compute capability 8.0, which drivers compile for it and for all that is newer.
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80} CUDARC_CUDA_VERSION=13000
export CARGO_TARGET_DIR=$folder
# cudarc then opens CUDA's libraries at run time. Set as a flag and for a named target, it reaches
# cudarc's source alone: as a cargo feature it would clash with the one that candle sets.
export RUSTFLAGS="${RUSTFLAGS-} --cfg feature=\"dynamic-loading\""
target=x86_64-unknown-linux-gnu
"${CARGO:-cargo}" "$@" --features cuda --target "$target"
[ "$1" != build ] || echo "segue: built $folder/$target/release/segue" >&2
