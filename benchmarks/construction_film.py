"""What a whole film gives: `python -m benchmarks.construction_film OUT [--workers 2] [--sheet FILE]`.

The recipe is `recipes/data/big-buck-bunny.yaml`, with the decisions that people made for it. Printed: what became of
its clips, CPU seconds by stage and clip, and samples by what they are of. Needs `make assets`.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from benchmarks.construction import sheet_row
from benchmarks.construction_stages import tell
from PIL import Image

from vera.construction.construct import build_samples
from vera.data.released.dataset import ReleasedLayers
from vera.data.released.layout import Row
from vera.resumable import read_rows

RECIPE = Path("recipes/data/big-buck-bunny.yaml")
SIZE = (208, 112)  # of a picture in the sheet
COLUMNS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the build, which is gone on with")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sheet", type=Path, help="picture of every fourth sample: source, edit, alpha, composite")
    options = parser.parse_args()
    report = build_samples(RECIPE, options.out, workers=options.workers)
    clips = sum(report.count("proxy", state) for state in ("done", "rejected"))
    print(f"{clips} clips, {report.samples} samples; waiting: {report.waiting or 'none'}")
    for reason, count in report.rejected.items():
        print(f"{count:>5}  {reason}")
    tell(options.out, clips)
    (index,) = (options.out / "dataset").rglob("*.jsonl")
    print(dict(Counter(row["provenance"]["noun"] for row in read_rows(index)).most_common()))
    dataset, size = str(options.out / "dataset"), f"{SIZE[0]}x{SIZE[1]}"
    layers = ReleasedLayers(dataset, None, 17, 17, size, held_out=True, held_out_share=0)
    print(f"{len({row.footage for rows in layers.rows.values() for row in rows if isinstance(row, Row)})} shots")
    if options.sheet is not None:
        Image.fromarray(sheet(layers)).save(options.sheet, quality=70)


def sheet(layers: ReleasedLayers) -> np.ndarray:
    """The middle frames of every fourth sample, `COLUMNS` side by side."""
    lines = []
    for key in sorted(layers.keys())[::4]:
        sample = layers.load(key)
        t = len(sample.alpha) // 2
        lines.append(sheet_row(sample.source[t], sample.edit[t], sample.alpha[t] / 255, sample.composite[t]))
    lines += [np.zeros_like(lines[0])] * (-len(lines) % COLUMNS)
    each = np.stack([np.pad(line, ((0, 4), (0, 4), (0, 0))) for line in lines])
    return np.concatenate([np.concatenate(list(each[n::COLUMNS])) for n in range(COLUMNS)], axis=1)


if __name__ == "__main__":
    main()
