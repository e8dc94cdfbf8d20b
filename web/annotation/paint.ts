// The brush: discs along a line, set or taken away in a mask of a byte a pixel.
import type { Point } from "./api";

/** Paint from one point to another; `value` 1 adds, 0 erases. */
export function paintLine(mask: Uint8Array, width: number, height: number, from: Point, to: Point, radius: number, value: 0 | 1): void {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / Math.max(1, radius / 2)));
  for (let step = 0; step <= steps; step++) {
    const part = step / steps;
    disc(mask, width, height, from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part, radius, value);
  }
}

function disc(mask: Uint8Array, width: number, height: number, x: number, y: number, radius: number, value: 0 | 1): void {
  for (let row = Math.max(0, Math.ceil(y - radius)); row <= Math.min(height - 1, y + radius); row++) {
    const half = Math.sqrt(radius * radius - (row - y) ** 2);
    const first = Math.max(0, Math.ceil(x - half));
    const last = Math.min(width - 1, Math.floor(x + half));
    if (first <= last) mask.fill(value, row * width + first, row * width + last + 1);
  }
}
