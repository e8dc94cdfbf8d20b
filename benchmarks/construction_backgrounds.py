"""Samples with another background, end to end: `python -m benchmarks.construction_backgrounds [--sheet FILE]`.

Clips are samples 0 to 11 of `SyntheticLayers(background_share=0)`, 33 frames of 416x240, as H.264 of usual quality,
with a recorded box about each object; photographs of rooms stand behind. The recipe's limits are the defaults, but for
the masks' and the screen's, which are of other stages. Printed: what became of each clip.
Needs `make assets`.
"""

import argparse
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
from benchmarks.construction import SHAPE, load
from benchmarks.construction_stages import OPEN, tell, write_recipe

from vera.construction.construct import build_samples
from vera.construction.engine.record import Layout, read_record
from vera.video import read_lossless


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="*", default=list(range(12)))
    parser.add_argument("--sheet", type=Path, help="PNG of the middle frames: clip, source, edit, alpha, composite")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        limits = {name: OPEN[name] for name in ("screen", "masks")}
        recipe = write_recipe(root, options.clips, SHAPE, limits, ["background_replace"])
        report = build_samples(recipe, root / "out", unattended=True)
        print(f"{len(options.clips)} clips, {report.samples} samples; rejected: {report.rejected or 'none'}")
        rows = [row for index in options.clips if (row := look_at(root, index)) is not None]
        tell(root / "out", len(options.clips) * SHAPE[0])
        if options.sheet is not None and rows:
            cv2.imwrite(str(options.sheet), np.concatenate(rows)[..., ::-1])


def look_at(root: Path, index: int) -> np.ndarray | None:
    """Print what became of a clip, and show its middle frame."""
    layout = Layout(root / "out")
    path = next(path for path in layout.records("source") if f"/{index}.mp4" in path.read_text(encoding="utf-8"))
    source = read_record(path)
    assert source is not None
    clip = source.stages["split"].facts["clips"][0]["id"]
    record = read_record(layout.record("clip", clip))
    assert record is not None
    told = record.stages["o1/background"].facts
    last = record.stages[next(key for key in reversed(record.stages) if key.startswith("o1/background"))]
    check = record.stages.get("o1/background_check", last)
    words = " ".join(f"{name} {told[name]:.3f}" for name in ("residual", "distance") if name in told)
    if check.status != "done":
        print(f"{index:>3} {words}: {check.reason}, {check.detail}")
    folder = layout.folder("clip", clip)
    if not (folder / "o1/new_source.mkv").is_file():
        return None
    new = {name: read_lossless(folder / f"o1/new_{name}.mkv") for name in ("source", "edit", "alpha")}
    matte = 1 - new["alpha"] / np.float32(255)
    error = float(np.abs(matte - load(index)[1]).mean())
    if check.status == "done":
        scores = " ".join(f"{name} {check.facts[name]:.3f}" for name in ("subject", "change"))
        print(f"{index:>3} {words} {scores}, matte's error {error:.4f}; {told['scene']}")
    t = SHAPE[0] // 2
    alpha = np.repeat(new["alpha"][t][..., None], 3, -1)
    weight = alpha / np.float32(255)
    composite = np.rint(weight * new["edit"][t] + (1 - weight) * new["source"][t]).astype(np.uint8)
    frame = read_lossless(folder / "frames.mkv")[t]
    return np.concatenate([frame, new["source"][t], new["edit"][t], alpha, composite], axis=1)


if __name__ == "__main__":
    main()
