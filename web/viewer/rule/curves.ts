/** Lift, gamma and gain of the edit's 8-bit R'G'B', as `vera.layers.adjust.adjust_colors`. */

import type { Adjustment, Triple } from "../types";
import { FULL } from "./planes";

/** Three tables of 256 values in 1/65535, red first; null if all is neutral. */
export function curves(adjustment: Adjustment): Uint16Array<ArrayBuffer> | null {
  const { lift = [0, 0, 0], gamma = [1, 1, 1], gain = [1, 1, 1] } = adjustment;
  const neutral = [...lift, ...gamma.map((v) => v - 1), ...gain.map((v) => v - 1)].every((value) => value === 0);
  if (neutral) return null;
  const table = new Uint16Array(3 * 256);
  for (let i = 0; i < table.length; i++) {
    const channel = (i >> 8) as keyof Triple & number;
    const x = (i & 255) / 255;
    const lifted = gain[channel]! * (x + lift[channel]! * (1 - x));
    table[i] = Math.round(Math.min(Math.max(lifted, 0), 1) ** (1 / gamma[channel]!) * FULL);
  }
  return table;
}
