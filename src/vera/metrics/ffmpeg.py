"""VMAF and XPSNR of two files, by an ffmpeg executable that has the filters: imageio-ffmpeg's, else the one on PATH.

Both files are decoded at their own bit depth; where they have different pixel formats, ffmpeg converts one of them.
Frames are paired by their order, not by their times.
"""

import re
import shutil
import subprocess
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

import av

from vera.errors import VeraError, first_line
from vera.metrics.preservation import IDENTICAL
from vera.video import Clip, open_clip

# Numbered frames, so that two files with other clocks or rates are still compared frame by frame.
_PAIRED = "[0:v:0]settb=1/1000,setpts=N{0}[a];[1:v:0]settb=1/1000,setpts=N{0}[b];[a][b]"
_TO_LUMA = ",format=yuv444p"  # for RGB, of which xpsnr would tell a value for each channel


def vmaf(result: Path, source: Path, threads: int = 1) -> float:
    """Measure VMAF of two files, 0 to 100, by ffmpeg's `libvmaf` and its default model; higher is better.

    The mean over frames. VeraError if no ffmpeg has the filter, or the files differ in size or number of frames.
    """
    return _measure(result, source, "libvmaf", f"libvmaf=n_threads={threads}", r"VMAF score: ([\d.]+)")


def xpsnr(result: Path, source: Path) -> float:
    """Measure XPSNR of two files' luma (Helmrich et al., 2020) by ffmpeg's `xpsnr`, in dB, at most `IDENTICAL`.

    Higher is better. VeraError if no ffmpeg has the filter, or the files differ in size or number of frames.
    """
    return min(_measure(result, source, "xpsnr", "xpsnr", r"XPSNR +y: (inf|-?[\d.]+)"), IDENTICAL)


def _measure(result: Path, source: Path, name: str, arguments: str, figure: str) -> float:
    executable = find_ffmpeg(name)
    clips = open_clip(result), open_clip(source)
    _check_alike(*clips)
    paired = _PAIRED.format(_TO_LUMA if any(av.VideoFormat(clip.pix_fmt).is_rgb for clip in clips) else "")
    opened = [word for path in (result, source) for word in ("-noautorotate", "-i", f"file:{path}")]
    command = [executable, "-nostdin", "-hide_banner", "-v", "info", *opened, "-an", "-sn", "-dn"]
    run = subprocess.run([*command, "-lavfi", paired + arguments, "-f", "null", "-"], capture_output=True)
    said = run.stderr.decode("utf-8", "replace")
    found = re.search(figure, said)
    if run.returncode or not found:
        raise VeraError(f"{result}: ffmpeg cannot measure it by {name} ({_complaint(said)})")
    return float(found[1])


def _check_alike(one: Clip, other: Clip) -> None:
    kinds = [(clip.width, clip.height, clip.frame_count) for clip in (one, other)]
    if kinds[0] != kinds[1]:
        shown = ["{}x{}, {} frames".format(*kind) for kind in kinds]
        raise VeraError(
            f"{one.path} ({shown[0]}) cannot be measured against {other.path} ({shown[1]}): make them alike first"
        )


@cache
def find_ffmpeg(name: str) -> str:
    """Find an ffmpeg executable that has the filter `name`; VeraError if there is none."""
    for executable in _executables():
        listed = subprocess.run([executable, "-hide_banner", "-filters"], capture_output=True, text=True).stdout
        if re.search(rf"^ *\S+ +{re.escape(name)} ", listed, re.MULTILINE):
            return executable
    raise VeraError(f"no ffmpeg with the filter {name} was found: pip install imageio-ffmpeg, or put one on PATH")


def _executables() -> list[str]:
    found = []
    with suppress(ImportError, RuntimeError):  # not installed, or without an executable for this machine
        found.append(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    on_path = shutil.which("ffmpeg")
    return found if on_path is None else [*found, on_path]


def _complaint(said: str) -> str:
    lines = (line for line in said.splitlines() if re.search("error|invalid|cannot|fail|must", line, re.IGNORECASE))
    return next(lines, first_line(RuntimeError(said)))
