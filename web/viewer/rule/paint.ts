/** Matte paint: strokes become the least and the greatest alpha of each pixel, since strokes in order only clamp it. */

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

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function activeStrokes(strokes: Stroke[], frame: number): Stroke[] {
  return strokes.filter(({ range: [first, last] }) => frame >= (first ?? 0) && frame <= (last ?? Infinity));
}

/** Clamps that do nothing yet, for a proxy of `width` x `height`. */
export function blankPaint(width: number, height: number): Paint {
  return { low: new Uint16Array(width * height), high: new Uint16Array(width * height).fill(FULL) };
}

/** Draws a stroke over those before. */
export function drawStroke(paint: Paint, stroke: Stroke, width: number, height: number, scale: Scale): void {
  const points = stroke.points.map(([x, y]) => [(x + 0.5) * scale.x - 0.5, (y + 0.5) * scale.y - 0.5] as const);
  const radius = stroke.radius * scale.x;
  const box = boxAround(points, radius + 1, width, height);
  const columns = box.right - box.left;
  const distances = squaredDistances(points, box, radius + 1);
  for (let i = 0; i < distances.length; i++) {
    const share = (radius + 0.5 - Math.sqrt(distances[i]!)) / Math.max(stroke.softness * radius, 1);
    if (share <= 0) continue;
    const coverage = Math.round(stroke.value * Math.min(share, 1) * FULL);
    const at = (box.top + Math.floor(i / columns)) * width + box.left + (i % columns);
    clampTo(paint, at, stroke.mode, coverage);
  }
}

function clampTo(paint: Paint, at: number, mode: Stroke["mode"], coverage: number): void {
  const [low, high] = [paint.low[at]!, paint.high[at]!];
  const limit = mode === "add" ? coverage : FULL - coverage;
  const choose = mode === "add" ? Math.max : Math.min;
  paint.low[at] = choose(low, limit);
  paint.high[at] = choose(high, limit);
}

type Point = readonly [number, number];

function boxAround(points: readonly Point[], reach: number, width: number, height: number): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
  }
  return {
    left: Math.min(Math.max(Math.floor(left - reach), 0), width),
    top: Math.min(Math.max(Math.floor(top - reach), 0), height),
    right: Math.max(Math.min(Math.ceil(right + reach) + 1, width), 0),
    bottom: Math.max(Math.min(Math.ceil(bottom + reach) + 1, height), 0),
  };
}

/** Squared distance to the polyline of each pixel in `box`, row by row; Infinity beyond `reach`. */
function squaredDistances(points: readonly Point[], box: Box, reach: number): Float64Array {
  const columns = Math.max(box.right - box.left, 0);
  const found = new Float64Array(columns * Math.max(box.bottom - box.top, 0)).fill(Infinity);
  for (let i = 0; i < Math.max(points.length - 1, 1); i++) {
    const [from, to] = [points[i]!, points[Math.min(i + 1, points.length - 1)]!];
    const near = boxAround([from, to], reach, box.right, box.bottom);
    for (let y = Math.max(near.top, box.top); y < near.bottom; y++) {
      for (let x = Math.max(near.left, box.left); x < near.right; x++) {
        const at = (y - box.top) * columns + x - box.left;
        found[at] = Math.min(found[at]!, squaredDistance(x, y, from, to));
      }
    }
  }
  return found;
}

function squaredDistance(x: number, y: number, [x0, y0]: Point, [x1, y1]: Point): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length ? Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / length, 0), 1) : 0;
  return (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2;
}
