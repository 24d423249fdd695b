#!/usr/bin/env bash
# Puts together a CUDA compiler from Python wheels: no root, no driver, no GPU, a few seconds.
#
#     scripts/cuda/toolkit.sh FOLDER
#
# A finished folder is left as it is. The compiler is then FOLDER/nvidia/cu13/bin/nvcc.
set -euo pipefail

wheels=(
  nvidia-cuda-nvcc==13.0.88
  nvidia-nvvm==13.0.88
  nvidia-cuda-crt==13.0.88
  nvidia-cuda-runtime==13.0.96
  nvidia-cuda-cccl==13.0.85
)
# Opened by the program when it runs, so that it starts where they are missing.
opened_at_run_time=(cuda cublas cublasLt curand nvrtc)

fail() {
  printf 'segue: %s\n' "$@" >&2
  exit 1
}

[ $# -eq 1 ] || fail "usage: scripts/cuda/toolkit.sh FOLDER"
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
  fail "the CUDA build is for Linux on x86-64; this is $(uname -s) on $(uname -m)"
for tool in g++ ar; do
  command -v "$tool" >/dev/null || fail "$tool was not found; install GCC and binutils"
done
python=${PYTHON:-python3}
"$python" -m pip --version >/dev/null 2>&1 ||
  fail "pip of '$python' was not found; install Python with pip, or set PYTHON to one that has it"

folder=$1
if [ "$(cat "$folder/WHEELS" 2>/dev/null)" = "${wheels[*]}" ]; then exit 0; fi

echo "segue: putting a CUDA compiler into $folder" >&2
mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
# All wheels in one call: pip merges the folder that they share only then.
"$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
  --only-binary=:all: --no-deps --no-compile --target "$work" "${wheels[@]}" >&2 ||
  fail "pip could not install the CUDA compiler: see its message above"

home=$work/nvidia/cu13
ln -s lib "$home/lib64"
# The runtime goes into the program: the linker finds only its static archive under this name.
ln -s libcudart_static.a "$home/lib/libcudart.a"
# The linker asks for these too, and is content with archives of nothing.
for library in "${opened_at_run_time[@]}"; do ar crs "$home/lib/lib$library.a"; done

"$home/bin/nvcc" --version | grep -q 'release 13\.0' || fail "the CUDA compiler does not start"
echo "${wheels[*]}" >"$work/WHEELS"
rm -rf "$folder"
mv "$work" "$folder"
