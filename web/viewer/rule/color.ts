/** BT.709 limited range to R'G'B' and back; to R'G'B' in whole numbers, so that every processor gives the same. */

import { STEPS } from "./planes";

/** In 1/65536: of Y, Cr in red, Cb in green, Cr in green, Cb in blue. `tests` derive them from BT.709. */
export const TO_RGB = { y: 76309, redCr: 117489, greenCb: -13975, greenCr: -34925, blueCb: 138438 } as const;

/** Rows Y, Cb, Cr of red, green, blue: code values of R'G'B' from 0 to 1, before the offset. */
export const FROM_RGB = [
  [46.5594, 156.6288, 15.8118],
  [-25.6642, -86.3358, 112],
  [112, -101.7303, -10.2697],
] as const;
export const OFFSET = [16, 128, 128] as const;

function code(value: number): number {
  const rounded = (value + 32768) >> 16;
  return rounded < 0 ? 0 : rounded > 255 ? 255 : rounded;
}

/** R'G'B', 8 bit, of code values; writes three values at `at`. */
export function toRgb(y: number, cb: number, cr: number, out: { [index: number]: number }, at = 0): void {
  const luma = TO_RGB.y * (y - 16);
  out[at] = code(luma + TO_RGB.redCr * (cr - 128));
  out[at + 1] = code(luma + TO_RGB.greenCb * (cb - 128) + TO_RGB.greenCr * (cr - 128));
  out[at + 2] = code(luma + TO_RGB.blueCb * (cb - 128));
}

/** A component (0 to 2) in 1/64 code values of R'G'B' in [0,1]. */
export function fromRgb(red: number, green: number, blue: number, component: 0 | 1 | 2): number {
  const row = FROM_RGB[component];
  return Math.floor((OFFSET[component] + row[0] * red + row[1] * green + row[2] * blue) * STEPS + 0.5);
}
