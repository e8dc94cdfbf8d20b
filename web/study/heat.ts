// The rule of the heat maps: the mean over R, G and B of how far a result is from the source, pixel by pixel of the same
// decoded frame. Black is 0, pale yellow is FULL levels of 255 or more. The same scale for all clips, as in the reports.
import { INFERNO } from "./inferno";

export const FULL = 32;

const PALETTE = Uint8Array.from(INFERNO.match(/../g)!, (pair) => parseInt(pair, 16));
// The colour's place for each sum of three differences, which is a whole number up to 765.
const PLACES = Uint8Array.from({ length: 766 }, (_, sum) => Math.min(255, Math.round((sum / 3) * (255 / FULL))));

/** Colour the difference of two pictures, RGBA of equal size, into `out`, which may be one of them. */
export function heatMap(source: Uint8ClampedArray, result: Uint8ClampedArray, out: Uint8ClampedArray): void {
  for (let at = 0; at < source.length; at += 4) {
    const sum =
      Math.abs(result[at]! - source[at]!) +
      Math.abs(result[at + 1]! - source[at + 1]!) +
      Math.abs(result[at + 2]! - source[at + 2]!);
    const place = 3 * PLACES[sum]!;
    out[at] = PALETTE[place]!;
    out[at + 1] = PALETTE[place + 1]!;
    out[at + 2] = PALETTE[place + 2]!;
    out[at + 3] = 255;
  }
}
