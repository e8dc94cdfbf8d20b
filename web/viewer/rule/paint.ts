/** Matte paint, as `vera.layers.paint`: strokes in order only clamp alpha, so they are a least and a greatest alpha. */

import type { Stroke } from "../types";
import { FULL } from "./planes";

/** `low` and `high` in 1/65535: alpha becomes max(low, min(high, alpha)). */
export interface Paint {
  low: Uint16Array<ArrayBuffer>;
  high: Uint16Array<ArrayBuffer>;
}

/** Pixels of the proxy a pixel of the source. */
export interface Scale {
  x: number;
  y: number;
}

type Point = readonly [number, number];

export function activeStrokes(strokes: Stroke[], frame: number): Stroke[] {
  return strokes.filter(({ range: [first, last] }) => frame >= (first ?? 0) && frame <= (last ?? Infinity));
}

/** Clamps that do nothing yet, for a proxy of `width` x `height`. */
export function blankPaint(width: number, height: number): Paint {
  return { low: new Uint16Array(width * height), high: new Uint16Array(width * height).fill(FULL) };
}

/** Draws a stroke over those before, piece by piece: the nearest piece of its line covers most. */
export function drawStroke(paint: Paint, stroke: Stroke, width: number, height: number, scale: Scale): void {
  const points = stroke.points.map(([x, y]): Point => [(x + 0.5) * scale.x - 0.5, (y + 0.5) * scale.y - 0.5]);
  const brush = { ...stroke, radius: stroke.radius * scale.x };
  const flat = scale.x / scale.y; // a brush is round in pixels of the source
  points.slice(0, Math.max(points.length - 1, 1)).forEach((from, i) => {
    drawPiece(paint, brush, from, points[i + 1] ?? from, width, height, flat);
  });
}

function drawPiece(
  paint: Paint,
  stroke: Stroke,
  from: Point,
  to: Point,
  width: number,
  height: number,
  flat: number,
): void {
  const { radius, softness, value, mode } = stroke;
  const edge = Math.max(softness * radius, 1);
  const choose = mode === "add" ? Math.max : Math.min;
  const [left, right] = reached(from[0], to[0], radius, width);
  const [top, bottom] = reached(from[1], to[1], radius / flat, height);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const share = (radius + 0.5 - distance(x, y, from, to, flat)) / edge;
      if (share <= 0) continue;
      const coverage = Math.round(value * Math.min(share, 1) * FULL);
      const limit = mode === "add" ? coverage : FULL - coverage;
      const at = y * width + x;
      paint.low[at] = choose(paint.low[at]!, limit);
      paint.high[at] = choose(paint.high[at]!, limit);
    }
  }
}

/** The first pixel along an axis that a piece may cover, and the one after the last. */
function reached(one: number, other: number, radius: number, size: number): [number, number] {
  const within = (value: number) => Math.min(Math.max(value, 0), size);
  return [
    within(Math.floor(Math.min(one, other) - radius - 0.5)),
    within(Math.ceil(Math.max(one, other) + radius + 0.5) + 1),
  ];
}

/** From a pixel to a piece of line, in pixels along a row, of which a pixel down counts `flat`. */
function distance(x: number, y: number, [x0, y0]: Point, [x1, y1]: Point, flat: number): number {
  const [dx, dy, down] = [x1 - x0, (y1 - y0) * flat, (y - y0) * flat];
  const length = dx * dx + dy * dy;
  const along = length ? Math.min(Math.max(((x - x0) * dx + down * dy) / length, 0), 1) : 0;
  return Math.hypot(x - x0 - along * dx, down - along * dy);
}
