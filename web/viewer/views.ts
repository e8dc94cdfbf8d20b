/** The views of what was composed, as R'G'B' pictures of 8 bits. */

import type { View } from "./types";
import { toRgb } from "./rule/color";
import type { Composite } from "./rule/compose";
import { FULL, type Planes, STEPS, type Sheet, chromaIndex } from "./rule/planes";

/** In the order that the shader counts them. */
export const VIEWS = ["source", "edit", "alpha", "result", "difference", "matte"] as const satisfies View[];

export const OVERLAY = { color: [255, 40, 40], opacity: 0.5 } as const;
export const CHECKERS = { size: 8, light: [200, 200, 200], dark: [140, 140, 140] } as const;

/** How a view is marked: the matte in red over it, and a checkerboard where the edit does not cover. */
export interface Marks {
  overlay: boolean;
  checkerboard: boolean;
}

/** What is composed of a frame; `top` is the highest layer, adjusted. */
export interface Composed {
  source: Planes;
  result: Composite;
  top: Sheet | null;
}

type Rgb = [number, number, number];

/** The picture of a view, opaque R'G'B'A of the proxy's size. */
export function drawView(composed: Composed, view: View, marks: Marks): ImageData {
  const { width, height } = composed.source;
  const picture = new ImageData(width, height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const rgb = pixel(composed, view, marks, x, y);
      const alpha = marks.overlay ? (composed.result.alpha[i]! / FULL) * OVERLAY.opacity : 0;
      rgb.forEach((code, channel) => {
        picture.data[4 * i + channel] = Math.floor(code + alpha * (OVERLAY.color[channel]! - code) + 0.5);
      });
      picture.data[4 * i + 3] = 255;
    }
  }
  return picture;
}

function pixel(composed: Composed, view: View, marks: Marks, x: number, y: number): Rgb {
  const alpha = composed.result.alpha[y * composed.source.width + x]!;
  switch (view) {
    case "source":
      return planesRgb(composed.source, x, y);
    case "result":
      return planesRgb(composed.result.planes, x, y);
    case "difference": {
      const before = planesRgb(composed.source, x, y);
      return planesRgb(composed.result.planes, x, y).map((code, i) => Math.abs(code - before[i]!)) as Rgb;
    }
    case "edit":
      return edited(composed.top, marks.checkerboard, alpha / FULL, x, y);
    case "alpha":
      return grey(Math.floor((alpha / FULL) * 255 + 0.5));
    case "matte":
      return grey(alpha === 0 ? 0 : alpha === FULL ? 255 : 128);
  }
}

const grey = (code: number): Rgb => [code, code, code];

function planesRgb(planes: Planes, x: number, y: number): Rgb {
  const chroma = chromaIndex(x, y, planes.width);
  const rgb: Rgb = [0, 0, 0];
  toRgb(planes.y[y * planes.width + x]!, planes.cb[chroma]!, planes.cr[chroma]!, rgb);
  return rgb;
}

function edited(top: Sheet | null, checkerboard: boolean, alpha: number, x: number, y: number): Rgb {
  const light = (Math.floor(x / CHECKERS.size) + Math.floor(y / CHECKERS.size)) % 2 === 0;
  const ground = light ? CHECKERS.light : CHECKERS.dark;
  if (!top) return checkerboard ? [...ground] : [0, 0, 0];
  const i = y * top.width + x;
  const rgb: Rgb = [0, 0, 0];
  toRgb(code(top.y[i]!), code(top.cb[i]!), code(top.cr[i]!), rgb);
  return checkerboard ? (rgb.map((value, k) => Math.floor(ground[k]! + alpha * (value - ground[k]!) + 0.5)) as Rgb) : rgb;
}

const code = (value: number) => (value + STEPS / 2) >> 6;
