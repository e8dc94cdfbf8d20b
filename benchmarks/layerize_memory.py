"""Peak memory of `layerize` on 1080p against an edit of 832x464: `python benchmarks/layerize_memory.py FRAMES`."""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vera.layers.layerize import layerize
from vera.video.open import open_output


def write_clip(path: Path, size: tuple[int, int], frames: int, edited: bool) -> None:
    """Write a window that moves over a smooth picture, with a disc where `edited`."""
    noise = np.random.default_rng(0).uniform(0, 255, (160, 280, 3)).astype(np.float32)
    ground = cv2.resize(noise, (2240, 1280), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
    with open_output(path) as container:
        stream: Any = container.add_stream("libx264", rate=25, options={"crf": "20", "preset": "ultrafast"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for t in range(frames):
            picture = ground[20 + t % 50 : 1100 + t % 50, 20 + t % 100 : 1940 + t % 100].copy()
            if edited:
                cv2.circle(picture, (900 + 2 * (t % 100), 500), 200, (220, 40, 30), -1, cv2.LINE_AA)
            frame = av.VideoFrame.from_ndarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), "rgb24")
            frame.pts = t
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frames", type=int)
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as folder:
        source, edited = Path(folder) / "source.mp4", Path(folder) / "edited.mp4"
        for job in ((source, (1920, 1080), frames, False), (edited, (832, 464), frames, True)):
            writer = multiprocessing.Process(target=write_clip, args=job)  # its memory is not counted
            writer.start()
            writer.join()
        start = time.process_time()
        report = layerize(source, edited, Path(folder) / "layers")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds = (time.process_time() - start) / frames
        print(f"{frames} frames: peak {peak:.0f} MiB, {seconds:.2f} s of CPU a frame, {report.coverage:.1%} covered")


if __name__ == "__main__":
    main()
