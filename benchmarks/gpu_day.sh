#!/usr/bin/env bash
# What a GPU is borrowed for, in nine minutes: benchmarks/gpu_day.sh OUT RECIPE [SIZE]
# Tests on the GPU, step times of Vera, VACE and Wan 1.3B, and with the rest of the time training by RECIPE, whose data was
# packed beforehand (`vera data cache`). OUT gets the tests' log, steps.txt and steps.json, the run's log, and its averaged
# weights as a tar in parts of 16 MiB: `cat OUT/ema.tar.* | tar -x`. SIZE is that of gpu_steps.py: `tiny` to try it anywhere.
set -uo pipefail
out=$1 recipe=$2 size=${3:-1.3b}
limit=${LIMIT:-540} # seconds
python=${PYTHON:-python}
here=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH=$here/src${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$out"

$python -m pytest "$here/tests/models/test_devices.py" -c "$here/pyproject.toml" -rs >"$out/tests.txt" 2>&1
tail -n 3 "$out/tests.txt"
timeout $((limit / 3)) $python "$here/benchmarks/gpu_steps.py" --size "$size" --json "$out/steps.json" | tee "$out/steps.txt"

# Interrupted, a run ends after its step with a checkpoint and its averaged weights; half a minute is left for that.
timeout --signal=INT --kill-after=30 $((limit - SECONDS - 30)) $python -m vera train "$recipe" --output "$out/run" | tail -n 20
cp "$out/run/log.jsonl" "$out/log.jsonl"
tar -C "$out/run" -cf - ema | split -b 16M - "$out/ema.tar."
ls -l "$out"
