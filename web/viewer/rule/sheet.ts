/** From a layer's decoded planes to a sheet: curves on R'G'B', every pixel with the chroma sample that it shares. */

import { fromRgb, toRgb } from "./color";
import { type AlphaPlane, FULL, type Planes, STEPS, chromaIndex, newSheet, type Sheet } from "./planes";

export function makeSheet(edit: Planes, alpha: AlphaPlane, curves: Uint16Array | null): Sheet {
  const { width, height } = edit;
  const sheet = newSheet(width, height);
  const codes = [0, 0, 0] as [number, number, number];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const chroma = chromaIndex(x, y, width);
      codes[0] = edit.y[i]!;
      codes[1] = edit.cb[chroma]!;
      codes[2] = edit.cr[chroma]!;
      sheet.alpha[i] = alpha[i]! * 257;
      if (curves) curve(sheet, i, codes, curves);
      else setCodes(sheet, i, codes);
    }
  }
  return sheet;
}

function setCodes(sheet: Sheet, i: number, [y, cb, cr]: [number, number, number]): void {
  sheet.y[i] = y * STEPS;
  sheet.cb[i] = cb * STEPS;
  sheet.cr[i] = cr * STEPS;
}

const rgb = [0, 0, 0] as [number, number, number];

function curve(sheet: Sheet, i: number, [y, cb, cr]: [number, number, number], curves: Uint16Array): void {
  toRgb(y, cb, cr, rgb);
  const [red, green, blue] = rgb.map((code, channel) => curves[256 * channel + code]! / FULL) as typeof rgb;
  sheet.y[i] = fromRgb(red, green, blue, 0);
  sheet.cb[i] = fromRgb(red, green, blue, 1);
  sheet.cr[i] = fromRgb(red, green, blue, 2);
}
