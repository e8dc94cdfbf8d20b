"""The ffmpeg executable: an encoder and a decoder that share no code with the library under test but FFmpeg's own."""

import subprocess
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe


def ffmpeg(*arguments: str | Path | float, silent: bool = True) -> str:
    """Run it, and return what it prints; whatever it complains of fails the test, unless it is not to be `silent`."""
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "warning", "-y", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0 and not (silent and run.stderr), run.stderr
    return run.stdout


def frame_hashes(path: Path, decoder: str | None = None) -> list[str]:
    """A line for each frame of the first video stream as decoded: its time, its length and the hash of its samples.

    `decoder`: another than FFmpeg's own, such as libopenh264.
    """
    chosen = ("-c:v", decoder) if decoder else ()
    lines = ffmpeg(*chosen, "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f", "framemd5", "-").splitlines()
    return [line for line in lines if not line.startswith("#")]
