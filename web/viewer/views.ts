/** The views of what was composed, as R'G'B' pictures of 8 bits. */

import type { View } from "./types";
import { lookUp, type Table } from "./rule/table";
import { toRgb } from "./rule/color";
import type { Composite } from "./rule/compose";
import { chromaIndex, FULL, type Planes, type Sheet, STEPS } from "./rule/planes";

/** In the order that the shader counts them. */
export const VIEWS = ["source", "edit", "alpha", "result", "difference", "matte"] as const satisfies View[];

export const OVERLAY = { color: [255, 40, 40], opacity: 0.5 } as const;
export const CHECKERS = { size: 8, light: [200, 200, 200], dark: [140, 140, 140] } as const;

/** How a view is drawn: through a table, the matte in red over it, a checkerboard where the edit does not cover. */
export interface Marks {
  overlay: boolean;
  checkerboard: boolean;
  table: Table | null;
}

/** What is composed of a frame; `top` is the highest layer, adjusted. */
export interface Composed {
  source: Planes;
  result: Composite;
  top: Sheet | null;
}

type Codes = Uint8ClampedArray;
/** Writes R'G'B' of the pixel at x, y, which is the `i`th, to `out` from `at` on. */
type Painter = (out: Codes, at: number, x: number, y: number, i: number) => void;

/** The picture of a view, opaque R'G'B'A of the proxy's size. */
export function drawView(composed: Composed, view: View, marks: Marks): ImageData {
  const { width, height } = composed.source;
  const picture = new ImageData(width, height);
  const paint = painter(composed, view, marks);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      paint(picture.data, 4 * i, x, y, i);
      picture.data[4 * i + 3] = 255;
    }
  }
  if (marks.overlay) tint(picture.data, composed.result.alpha);
  return picture;
}

function tint(codes: Codes, alpha: Uint16Array): void {
  for (let i = 0; i < alpha.length; i++) {
    if (alpha[i]) mix(codes, 4 * i, OVERLAY.color, 1 - (alpha[i]! / FULL) * OVERLAY.opacity);
  }
}

/** Lays a pixel with `alpha` over a ground. */
function mix(codes: Codes, at: number, ground: readonly number[], alpha: number): void {
  for (let k = 0; k < 3; k++) codes[at + k] = Math.floor(ground[k]! + alpha * (codes[at + k]! - ground[k]!) + 0.5);
}

function painter({ source, result, top }: Composed, view: View, { checkerboard, table }: Marks): Painter {
  const { alpha } = result;
  const grey =
    (of: (alpha: number) => number): Painter =>
    (out, at, _x, _y, i) => {
      out.fill(of(alpha[i]!), at, at + 3);
    };
  switch (view) {
    case "source":
      return planesPainter(source, table);
    case "result":
      return planesPainter(result.planes, table);
    case "difference":
      return differencePainter(source, result.planes, table);
    case "edit":
      return editPainter(top, checkerboard ? alpha : null, table);
    case "alpha":
      return grey((value) => Math.floor((value / FULL) * 255 + 0.5));
    case "matte":
      return grey((value) => (value === 0 ? 0 : value === FULL ? 255 : 128));
  }
}

function planesPainter({ width, y: luma, cb, cr }: Planes, table: Table | null): Painter {
  return (out, at, x, y, i) => {
    const chroma = chromaIndex(x, y, width);
    toRgb(luma[i]!, cb[chroma]!, cr[chroma]!, out, at);
    if (table) lookUp(table, out, at);
  };
}

function differencePainter(before: Planes, after: Planes, table: Table | null): Painter {
  const [paintBefore, paintAfter] = [planesPainter(before, table), planesPainter(after, table)];
  const old = new Uint8ClampedArray(3);
  return (out, at, x, y, i) => {
    paintBefore(old, 0, x, y, i);
    paintAfter(out, at, x, y, i);
    for (let k = 0; k < 3; k++) out[at + k] = Math.abs(out[at + k]! - old[k]!);
  };
}

/** The highest layer's colours, over a checkerboard where `alpha` is given. */
function editPainter(top: Sheet | null, alpha: Uint16Array | null, table: Table | null): Painter {
  const code = (value: number) => (value + STEPS / 2) >> 6;
  return (out, at, x, y, i) => {
    if (top) toRgb(code(top.y[i]!), code(top.cb[i]!), code(top.cr[i]!), out, at);
    if (top && table) lookUp(table, out, at);
    const light = (((x / CHECKERS.size) | 0) + ((y / CHECKERS.size) | 0)) % 2 === 0;
    if (alpha) mix(out, at, light ? CHECKERS.light : CHECKERS.dark, top ? alpha[i]! / FULL : 0);
  };
}
