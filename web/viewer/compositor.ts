/** What draws frames: with WebGL2 where there is any, else in plain JavaScript by the same rule. */

import type { Samples, Triple, View } from "./types";
import { adjustSheet } from "./rule/adjust";
import { layOver, startComposite } from "./rule/compose";
import type { LayerPlan } from "./rule/plan";
import { type AlphaPlane, FULL, type Planes, STEPS, chromaIndex, type Sheet } from "./rule/planes";
import { makeSheet } from "./rule/sheet";
import { type Composed, drawView, type Marks } from "./views";

export interface LayerDrawing {
  edit: Planes;
  alpha: AlphaPlane;
  plan: LayerPlan;
}

/** A frame and the layers to lay over it, the lowest first. */
export interface Drawing {
  source: Planes;
  layers: LayerDrawing[];
  strictChroma: boolean;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Compositor {
  readonly name: "WebGL2" | "JavaScript";
  compose(drawing: Drawing): void;
  /** A canvas with a view of what was composed last; the next call draws over it. */
  draw(view: View, marks: Marks): HTMLCanvasElement | OffscreenCanvas;
  /** Y, Cb, Cr and alpha of each pixel in a box, row by row: code values and 1/65535, of a layer 1/64 code values. */
  read(of: "source" | "result" | "top", box: Box): Uint32Array;
  destroy(): void;
}

/** The compositor without WebGL. */
export function plainCompositor(): Compositor {
  let composed: Composed | null = null;
  const canvas = new OffscreenCanvas(2, 2);
  return {
    name: "JavaScript",
    compose({ source, layers, strictChroma }) {
      const result = startComposite(source);
      let top: Sheet | null = null;
      for (const { edit, alpha, plan } of layers) {
        top = adjustSheet(makeSheet(edit, alpha, plan.curves), plan);
        layOver(result, top, plan.blend, strictChroma);
      }
      composed = { source, result, top };
    },
    draw(view, marks) {
      const picture = drawView(composed!, view, marks);
      [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.getContext("2d")!.putImageData(picture, 0, 0);
      return canvas;
    },
    read(of, box) {
      const { source, result, top } = composed!;
      if (of === "top" && top)
        return readBox(box, (i) => [top.y[i]!, top.cb[i]!, top.cr[i]!, top.alpha[i]!], source.width);
      const planes = of === "source" ? source : result.planes;
      const alpha = (i: number) => (of === "source" ? 0 : result.alpha[i]!);
      return readBox(
        box,
        (i, chroma) => [planes.y[i]!, planes.cb[chroma]!, planes.cr[chroma]!, alpha(i)],
        source.width,
      );
    },
    destroy() {
      composed = null;
    },
  };
}

type Texel = [number, number, number, number];

function readBox({ x, y, width, height }: Box, at: (i: number, chroma: number) => Texel, stride: number): Uint32Array {
  const values = new Uint32Array(4 * width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const chroma = chromaIndex(x + column, y + row, stride);
      values.set(at((y + row) * stride + x + column, chroma), 4 * (row * width + column));
    }
  }
  return values;
}

/** The values at a pixel of the proxy; of an edit if something was `layered`. */
export function samplesAt(compositor: Compositor, layered: boolean, x: number, y: number): Samples {
  const at = (of: "source" | "result" | "top") => compositor.read(of, { x, y, width: 1, height: 1 });
  const codes = (texel: Uint32Array, steps = 1) =>
    Array.from(texel.subarray(0, 3), (value) => Math.round(value / steps)) as Triple;
  const result = at("result");
  return {
    source: codes(at("source")),
    result: codes(result),
    edit: layered ? codes(at("top"), STEPS) : null,
    alpha: result[3]! / FULL,
  };
}
