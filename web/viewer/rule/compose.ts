/** The compositing rule in planes, in whole numbers: no sample changes where alpha is 0. */

import type { BlendMode } from "../types";
import { blended } from "./blend";
import { fromRgb, TO_RGB } from "./color";
import { FULL, newPlanes, type Planes, STEPS, type Sheet } from "./planes";

/** The picture so far, and the coverage of all that was laid, in 1/65535. */
export interface Composite {
  planes: Planes;
  alpha: Uint16Array;
}

export function startComposite(source: Planes): Composite {
  const planes = newPlanes(source.width, source.height);
  planes.y.set(source.y);
  planes.cb.set(source.cb);
  planes.cr.set(source.cr);
  return { planes, alpha: new Uint16Array(source.width * source.height) };
}

/** Lays an adjusted sheet over the composite, in place; `strict` as `strict_chroma` of `vera.layers.stack.Stack`. */
export function layOver(below: Composite, sheet: Sheet, blend: BlendMode, strict: boolean): void {
  const { width, height } = below.planes;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const at = y * width + x;
      const four = [at, at + 1, at + width, at + width + 1];
      if (four.some((i) => sheet.alpha[i]))
        layFour(below, sheet, blend, strict, four, (y >> 1) * (width >> 1) + (x >> 1));
    }
  }
}

/** The four pixels that share the chroma sample at `chroma`. */
function layFour(
  below: Composite,
  sheet: Sheet,
  blend: BlendMode,
  strict: boolean,
  four: number[],
  chroma: number,
): void {
  const { planes, alpha } = below;
  const [cb, cr] = [planes.cb[chroma]!, planes.cr[chroma]!];
  let [covered, cbSum, crSum] = [0, 0, 0];
  for (const i of four) {
    const a = sheet.alpha[i]!;
    const layer = drawn(planes.y[i]!, cb, cr, sheet, i, blend);
    planes.y[i] = mixed(a * layer[0], a, planes.y[i]!, 1);
    alpha[i] = a + Math.floor((alpha[i]! * (FULL - a) + 32767) / FULL);
    [covered, cbSum, crSum] = [covered + a, cbSum + a * layer[1], crSum + a * layer[2]];
  }
  if (strict && four.some((i) => !sheet.alpha[i])) return;
  planes.cb[chroma] = mixed(cbSum, covered, cb, 4);
  planes.cr[chroma] = mixed(crSum, covered, cr, 4);
}

/** Rounds what a layer that covers `covered` of `count` samples leaves of code value `below`. */
function mixed(premultiplied: number, covered: number, below: number, count: number): number {
  const whole = FULL * STEPS * count;
  return Math.floor((premultiplied + (FULL * count - covered) * STEPS * below + whole / 2) / whole);
}

/** R'G'B' in [0,1] of code values, not rounded. */
function unitRgb(y: number, cb: number, cr: number): [number, number, number] {
  const unit = (value: number) => Math.min(Math.max(value / (65536 * 255), 0), 1);
  const luma = TO_RGB.y * (y - 16);
  return [
    unit(luma + TO_RGB.redCr * (cr - 128)),
    unit(luma + TO_RGB.greenCb * (cb - 128) + TO_RGB.greenCr * (cr - 128)),
    unit(luma + TO_RGB.blueCb * (cb - 128)),
  ];
}

/** What the layer draws at pixel `i`, in 1/64 code values: its own colours, or what it makes of those below. */
function drawn(y: number, cb: number, cr: number, sheet: Sheet, i: number, blend: BlendMode): [number, number, number] {
  const own: [number, number, number] = [sheet.y[i]!, sheet.cb[i]!, sheet.cr[i]!];
  if (blend === "normal") return own;
  const below = unitRgb(y, cb, cr);
  const edit = unitRgb(own[0] / STEPS, own[1] / STEPS, own[2] / STEPS);
  const [red, green, blue] = below.map((value, channel) => blended(blend, value, edit[channel]!)) as typeof own;
  return [fromRgb(red, green, blue, 0), fromRgb(red, green, blue, 1), fromRgb(red, green, blue, 2)];
}
