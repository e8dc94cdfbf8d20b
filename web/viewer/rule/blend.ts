/** Blend modes of one channel, both in [0,1]: `vera.layers.blend_modes` (W3C, Compositing and Blending Level 1). */

import type { BlendMode } from "../types";

type Blend = (below: number, edit: number) => number;

const hardLight: Blend = (below, edit) => (edit <= 0.5 ? 2 * below * edit : 1 - 2 * (1 - below) * (1 - edit));

const softLight: Blend = (below, edit) => {
  if (edit <= 0.5) return below - (1 - 2 * edit) * below * (1 - below);
  const root = below <= 0.25 ? ((16 * below - 12) * below + 4) * below : Math.sqrt(below);
  return below + (2 * edit - 1) * (root - below);
};

/** In the order that the shader counts them. */
export const BLENDS: Record<BlendMode, Blend> = {
  normal: (_, edit) => edit,
  multiply: (below, edit) => below * edit,
  screen: (below, edit) => below + edit - below * edit,
  overlay: (below, edit) => hardLight(edit, below),
  "hard-light": hardLight,
  "soft-light": softLight,
  darken: Math.min,
  lighten: Math.max,
  difference: (below, edit) => Math.abs(below - edit),
  add: (below, edit) => below + edit,
  subtract: (below, edit) => below - edit,
};

export const BLEND_NAMES = Object.keys(BLENDS) as BlendMode[];

export function blended(mode: BlendMode, below: number, edit: number): number {
  return Math.min(Math.max(BLENDS[mode](below, edit), 0), 1);
}
