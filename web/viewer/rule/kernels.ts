/** OpenCV's kernels: the Gaussian that `GaussianBlur` takes for floats, and the disc of `MORPH_ELLIPSE`. */

function evenRound(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
}

/** Weights from the middle outward, which sum to 1 over the whole kernel; null if sigma is 0. */
export function gaussian(sigma: number): Float32Array<ArrayBuffer> | null {
  if (sigma <= 0) return null;
  const radius = (evenRound(sigma * 8 + 1) | 1) >> 1;
  const half = Array.from({ length: radius + 1 }, (_, i) => Math.exp(-(i * i) / (2 * sigma * sigma)));
  const sum = half.reduce((total, weight, i) => total + (i ? 2 : 1) * weight, 0);
  return Float32Array.from(half, (weight) => weight / sum);
}

/** Half widths of the rows of a disc, the top one first: a row reaches from -half to half. It is `stretch` times as high
 * as wide. */
export function discRows(radius: number, stretch = 1): Int32Array<ArrayBuffer> {
  const reach = evenRound(radius * stretch);
  return Int32Array.from({ length: 2 * reach + 1 }, (_, row) => {
    const down = reach && (row - reach) * (radius / reach);
    return evenRound(Math.sqrt(radius * radius - down * down));
  });
}

/** A choke by `pixels` across: the whole radius, the share of the next one, whether it grows the matte, and how many
 * times as far it reaches down as across. */
export interface Choke {
  radius: number;
  share: number;
  grows: boolean;
  stretch: number;
}

export function choke(pixels: number, stretch: number): Choke | null {
  const size = Math.abs(pixels);
  return size === 0 ? null : { radius: Math.floor(size), share: size % 1, grows: pixels < 0, stretch };
}
