/** Filters of 16-bit planes: Gaussian, move, bicubic, erosion and dilation; a result is a new plane. */

import { discRows, type Choke } from "./kernels";
import type { Axis } from "./place";
import { FULL } from "./planes";

export type Plane = Uint16Array;

/** A plane's border: alpha is 0 beyond it, colours go on. */
export type Border = "zero" | "replicate";

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

/** Blurs along both axes, each by its kernel; the border goes on. */
export function blur(plane: Plane, width: number, height: number, across: Float32Array, down: Float32Array): Plane {
  const rows = blurAlong(plane, width, height, 1, width, across);
  return blurAlong(rows, height, width, width, 1, down);
}

/** Blurs `lines` lines of `length` samples that lie `step` apart, the lines themselves `stride` apart. */
function blurAlong(
  plane: Plane,
  length: number,
  lines: number,
  step: number,
  stride: number,
  kernel: Float32Array,
): Plane {
  const out = new Uint16Array(plane.length);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      let sum = kernel[0]! * plane[line * stride + i * step]!;
      for (let k = 1; k < kernel.length; k++) {
        const before = plane[line * stride + Math.max(i - k, 0) * step]!;
        sum += kernel[k]! * (before + plane[line * stride + Math.min(i + k, length - 1) * step]!);
      }
      out[line * stride + i * step] = Math.min(Math.floor(sum + 0.5), FULL);
    }
  }
  return out;
}

/** Moves a plane by whole samples. */
export function shift(plane: Plane, width: number, height: number, right: number, down: number, border: Border): Plane {
  const out = new Uint16Array(plane.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const [fromX, fromY] = [clamp(x - right, 0, width - 1), clamp(y - down, 0, height - 1)];
      const inside = fromX === x - right && fromY === y - down;
      out[i] = inside || border === "replicate" ? plane[fromY * width + fromX]! : 0;
    }
  }
  return out;
}

/** Bicubic interpolation at the places that `columns` and `rows` name, from 0 to `most`. */
export function warp(
  plane: Plane,
  width: number,
  height: number,
  columns: Axis,
  rows: Axis,
  border: Border,
  most: number,
): Plane {
  const out = new Uint16Array(plane.length);
  const line = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let tap = 0; tap < 4; tap++) {
      const from = rows.first[y]! + tap;
      if (border === "zero" && (from < 0 || from >= height)) continue;
      const at = clamp(from, 0, height - 1) * width;
      for (let x = 0; x < width; x++) line[x] = line[x]! + rows.weights[4 * y + tap]! * plane[at + x]!;
    }
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let tap = 0; tap < 4; tap++) {
        const from = columns.first[x]! + tap;
        const outside = border === "zero" && (from < 0 || from >= width);
        if (!outside) sum += columns.weights[4 * x + tap]! * line[clamp(from, 0, width - 1)]!;
      }
      out[y * width + x] = clamp(Math.floor(sum + 0.5), 0, most);
    }
  }
  return out;
}

/** Erodes or dilates by a disc, between whole radii by a mixture of the two; what lies outside does not count. */
export function choked(plane: Plane, width: number, height: number, { radius, share, grows, stretch }: Choke): Plane {
  const by = (size: number) => (size ? ranked(plane, width, height, discRows(size, stretch), grows) : plane);
  const first = by(radius);
  if (!share) return first;
  const second = by(radius + 1);
  return first.map((value, i) => Math.floor((1 - share) * value + share * second[i]! + 0.5));
}

function ranked(plane: Plane, width: number, height: number, rows: Int32Array, grows: boolean): Plane {
  const out = new Uint16Array(plane.length).fill(grows ? 0 : FULL);
  const radius = rows.length >> 1;
  for (let row = 0; row < rows.length; row++) {
    for (let y = Math.max(0, radius - row); y < Math.min(height, height + radius - row); y++) {
      const from = (y + row - radius) * width;
      for (let x = 0; x < width; x++) {
        const [first, last] = [Math.max(x - rows[row]!, 0), Math.min(x + rows[row]!, width - 1)];
        let found = out[y * width + x]!;
        for (let i = first; i <= last; i++) {
          const value = plane[from + i]!;
          if (grows ? value > found : value < found) found = value;
        }
        out[y * width + x] = found;
      }
    }
  }
  return out;
}
