/** The tool in hand, which draws on the frame. */

import { signal } from "@preact/signals";
import type { Stroke } from "../api/types";

export type Tool = "none" | "region" | "mask" | "paint" | "move";

export interface Brush {
  /** Radius in pixels of the upright source. */
  radius: number;
  softness: number;
  value: number;
  mode: "add" | "subtract";
  /** First and last source frame that a stroke of matte paint holds for. */
  range: [number | null, number | null];
}

export const tool = signal<Tool>("none");
export const brush = signal<Brush>({ radius: 24, softness: 0.5, value: 1, mode: "add", range: [null, null] });
/** The stroke under the pointer, not yet a step. */
export const draft = signal<Stroke | null>(null);
const FACTOR = 1.2; // a step of the brush's size
const LARGEST = 1000; // that the server takes

/** Take a tool up, or lay it down if it is the one in hand. */
export function toggleTool(next: Tool): void {
  tool.value = tool.value === next ? "none" : next;
  draft.value = null;
}

/** Lay down the tool in hand, with a stroke that is being drawn. */
export function layDown(): void {
  tool.value = "none";
  draft.value = null;
}

/** Make the brush a step larger or smaller, by at least a pixel. */
export function resizeBrush(larger: boolean): void {
  const { radius } = brush.value;
  const next = larger ? Math.max(radius + 1, radius * FACTOR) : Math.min(radius - 1, radius / FACTOR);
  brush.value = { ...brush.value, radius: Math.min(LARGEST, Math.max(1, Math.round(next))) };
}

/** Begin a stroke at a pixel. A mask is hard and for all frames. */
export function strokeFrom(point: [number, number], hard: boolean): Stroke {
  const { radius, softness, value, mode, range } = brush.value;
  return hard
    ? { points: [point], radius, softness: 0, value: 1, mode, range: [null, null] }
    : { points: [point], radius, softness, value, mode, range };
}

/** Go on with a stroke, unless the pointer moved by less than a fifth of the brush's size. */
export function strokeTo(stroke: Stroke, point: [number, number]): Stroke {
  const [x, y] = stroke.points.at(-1)!;
  const near = Math.hypot(point[0] - x, point[1] - y) < Math.max(1, stroke.radius / 5);
  return near ? stroke : { ...stroke, points: [...stroke.points, point] };
}
