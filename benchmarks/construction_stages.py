"""What each stage of the data engine costs: `python -m benchmarks.construction_stages [--clips 3 4]`.

Clips are samples of `SyntheticLayers(background_share=0)`, 81 frames of 832x480, as H.264 of usual quality. A recorded
box is the annotator's, and no gate refuses anything, so that every stage of both tasks runs. Printed: seconds of the
processor and bytes kept, for each frame of a clip. `vera data build --plan` has these figures. Needs `make assets`.
"""

import argparse
import json
import os
import tempfile
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from vera.construction.construct import build_samples
from vera.construction.engine.record import Layout, read_record
from vera.construction.stages.footage import clip_id
from vera.data.synthesis import SyntheticLayers
from vera.data.synthesis.assets import load_photos
from vera.files import file_hash
from vera.video.open import open_output

SHAPE = 81, 832, 480  # frames, width, height
PHOTOS = 24
MARGIN = 6  # pixels between the object and the box about it
OPEN = {  # no gate refuses anything
    "screen": {"still": 0, "jump": 1, "sharpness": 0, "blockiness": 1e9, "clipped": 1},
    "masks": {"area": [0, 1], "inside": 0, "seen": 0, "whole": 0},
    "remove": {"unseen": 1, "beside": 0},
    "check": {"identity": 255, "covered": 1},
    "background": {"residual": 1, "enlarged": 1000},
    "background_check": {"distance": 255, "subject": [0, 1], "change": 0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="*", default=[0, 1])
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        recipe = write_recipe(root, options.clips, SHAPE, OPEN, ["obj_add", "background_replace"])
        report = build_samples(recipe, root / "out", unattended=True)
        print(f"{len(options.clips)} clips, {report.samples} samples; rejected: {report.rejected or 'none'}")
        tell(root / "out", len(options.clips) * SHAPE[0])


def write_recipe(
    root: Path, clips: list[int], shape: tuple[int, int, int], limits: dict[str, dict[str, object]], tasks: list[str]
) -> Path:
    """Films of samples, boxes about their objects, photographs to stand behind them, and a recipe for all that."""
    lines, middle = [], shape[0] // 2
    for index in clips:
        sample = SyntheticLayers(background_share=0.0).sample(index, *shape)
        film = root / f"{index}.mp4"
        write_film(film, sample.composite)
        (root / f"{index}.mp4.licence.yaml").write_text("licence: OWN\n", encoding="utf-8")
        x, y, width, height = cv2.boundingRect((sample.alpha[middle] > 127).view(np.uint8))
        box = [x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN]
        chosen = {"noun": "thing", "prompts": [{"frame": middle, "box": box}]}
        clip = clip_id(file_hash(film)[:16], 0, shape[0])
        lines.append(json.dumps({"clip": clip, "gate": "annotate", "by": "benchmark", "objects": [chosen]}))
    (root / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_photos(root / "photos")
    recipe = {
        "footage": [f"{root}/*.mp4"],
        "frames": shape[0],
        "size": f"{shape[1]}x{shape[2]}",
        "tasks": tasks,
        "decisions": [f"{root}/log.jsonl"],
        **limits,
        "background": {"photos": [f"{root}/photos/*.png"], **limits.get("background", {})},
    }
    (root / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")  # which is YAML
    return root / "recipe.yaml"


def write_photos(folder: Path) -> None:
    folder.mkdir()
    photos = load_photos()
    for name in list(photos)[:PHOTOS]:
        cv2.imwrite(str(folder / f"{name}.png"), photos[name][..., ::-1])
        (folder / f"{name}.png.licence.yaml").write_text("licence: MIT\n", encoding="utf-8")


def write_film(path: Path, frames: np.ndarray) -> None:
    with open_output(path) as file:
        stream: Any = file.add_stream("libx264", Fraction(16), options={"crf": "20"})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        file.mux(stream.encode())


def tell(out: Path, frames: int) -> None:
    seconds: dict[str, float] = defaultdict(float)
    for path in sorted((out / "events").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            seconds[row["stage"].rpartition("/")[2]] += row["cpu"]
    kept: dict[str, int] = defaultdict(int)
    for kind in ("source", "clip"):
        for path in Layout(out).records(kind):
            record = read_record(path)
            assert record is not None
            for key, entry in record.stages.items():
                kept[key.rpartition("/")[2]] += sum((out / name).stat().st_size for name in entry.files)
    for stage, total in seconds.items():
        print(f"{stage:<20} {total / frames:8.4f} CPU s, {kept[stage] / frames:9.0f} bytes")
    print(f"{'all':<20} {sum(seconds.values()) / frames:8.4f} CPU s")


if __name__ == "__main__":
    main()
