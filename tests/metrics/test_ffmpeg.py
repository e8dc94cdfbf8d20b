"""VMAF and XPSNR by the ffmpeg executable, of files that it made."""

from pathlib import Path

import numpy as np
import pytest
from tests.executable import ffmpeg
from tests.metrics.real_clips import real_clip

from vera.errors import VeraError
from vera.metrics import ffmpeg as measured
from vera.metrics.ffmpeg import find_ffmpeg, vmaf, xpsnr
from vera.metrics.preservation import IDENTICAL
from vera.video import write_lossless


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """source.mkv, and what codecs made of it."""
    folder = tmp_path_factory.mktemp("clips")
    source = folder / "source.mkv"
    ffmpeg("-i", real_clip("bikes")[0], "-map", "0:v:0", "-frames:v", 8, "-c:v", "ffv1", source, silent=False)
    for crf in (20, 45):
        ffmpeg("-i", source, "-c:v", "libx264", "-crf", crf, folder / f"{crf}.mp4", silent=False)
    ffmpeg("-i", source, "-vf", "setpts=2*PTS", "-fps_mode", "passthrough", "-c:v", "ffv1", folder / "slow.mkv")
    ffmpeg("-i", source, "-vf", "scale=320:-2", folder / "small.mp4", silent=False)
    ffmpeg("-i", source, "-frames:v", 5, "-c:v", "ffv1", folder / "short.mkv")
    return folder


def test_better_copies_measure_better(clips: Path) -> None:
    source = clips / "source.mkv"
    fine, coarse = (vmaf(clips / f"{crf}.mp4", source) for crf in (20, 45))
    assert 100 > fine > 80 > coarse > 0
    fine, coarse = (xpsnr(clips / f"{crf}.mp4", source) for crf in (20, 45))
    assert 50 > fine > 35 > coarse > 20
    assert xpsnr(source, source) == IDENTICAL
    assert vmaf(source, source) > 99


def test_frames_are_paired_by_their_order(clips: Path) -> None:
    assert xpsnr(clips / "slow.mkv", clips / "source.mkv") == IDENTICAL


def test_rgb_is_measured_by_its_luma_too(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    for name, frames in (("one", noise), ("near", noise // 8 * 8), ("far", 255 - noise), ("black", noise * 0)):
        write_lossless(tmp_path / f"{name}.mp4", frames)
    one, near, far, black = (tmp_path / f"{name}.mp4" for name in ("one", "near", "far", "black"))
    assert xpsnr(one, one) == IDENTICAL
    assert IDENTICAL > xpsnr(near, one) > 20 > xpsnr(far, one)
    write_lossless(tmp_path / "white.mp4", noise * 0 + 255)
    assert xpsnr(tmp_path / "white.mp4", black) < 1, "which may be below 0"


def test_threads_change_nothing(clips: Path) -> None:
    pair = clips / "45.mp4", clips / "source.mkv"
    assert vmaf(*pair, threads=2) == vmaf(*pair)


@pytest.mark.parametrize("name", ["small.mp4", "short.mkv"])
def test_other_sizes_and_lengths_are_refused(name: str, clips: Path) -> None:
    for measure in (vmaf, xpsnr):
        with pytest.raises(VeraError, match="cannot be measured against"):
            measure(clips / name, clips / "source.mkv")


def test_a_name_is_a_file_and_no_pattern_or_option(clips: Path) -> None:
    odd = clips / "-i 100%03d;x.mkv"
    odd.write_bytes((clips / "source.mkv").read_bytes())
    assert xpsnr(odd, clips / "source.mkv") == IDENTICAL
    with pytest.raises(VeraError):
        vmaf(clips / "absent.mkv", clips / "source.mkv")


def test_an_ffmpeg_without_the_filter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VeraError, match="no ffmpeg with the filter nothingness was found"):
        find_ffmpeg("nothingness")
    monkeypatch.setattr(measured, "_executables", list)
    find_ffmpeg.cache_clear()
    with pytest.raises(VeraError, match="no ffmpeg with the filter libvmaf"):
        find_ffmpeg("libvmaf")
    find_ffmpeg.cache_clear()


def test_an_executable_that_fails_is_quoted(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text(
        '#!/bin/sh\ncase "$*" in *-filters*) echo " .. xpsnr  VV->V";; *) echo "Error: no luck" >&2; exit 3;; esac\n'
    )
    broken.chmod(0o755)
    monkeypatch.setattr(measured, "_executables", lambda: [str(broken)])
    find_ffmpeg.cache_clear()
    with pytest.raises(VeraError, match=r"cannot measure it by xpsnr .Error: no luck"):
        xpsnr(clips / "source.mkv", clips / "source.mkv")
    find_ffmpeg.cache_clear()
