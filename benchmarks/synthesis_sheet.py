"""A sheet of synthetic samples: `python benchmarks/synthesis_sheet.py OUT.jpg INDEX ... [--renders INDEX ...]`.

A row for each sample: source, first and last frame of the composite, edit layer, alpha (the middle frame).
"""

import argparse

import cv2
import numpy as np

from vera.data.sample import LayeredSample
from vera.data.synthesis import SyntheticLayers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("indices", nargs="+", type=int)
    parser.add_argument("--renders", type=int, nargs="*", default=[], help="indices of samples that show renders")
    parser.add_argument("--folder", default="assets/renders")
    options = parser.parse_args()
    flat = SyntheticLayers()
    rows = [row(flat.sample(index, 17, 256, 144)) for index in options.indices]
    if options.renders:
        solid = SyntheticLayers(renders=options.folder, render_share=1)
        rows += [row(solid.sample(index, 17, 256, 144)) for index in options.renders]
    cv2.imwrite(options.out, cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])


def row(sample: LayeredSample) -> np.ndarray:
    middle = len(sample.alpha) // 2
    alpha = cv2.cvtColor(sample.alpha[middle], cv2.COLOR_GRAY2RGB)
    cells = [sample.source[middle], sample.composite[0], sample.composite[-1], sample.edit[middle], alpha]
    caption = np.full((18, 256 * len(cells), 3), 255, np.uint8)
    cv2.putText(caption, sample.instruction, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([caption, np.hstack(cells)])


if __name__ == "__main__":
    main()
