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

/** Half widths of the rows of a disc, the top one first: a row reaches from -half to half. */
export function discRows(radius: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: 2 * radius + 1 }, (_, row) =>
    evenRound(Math.sqrt(radius * radius - (row - radius) ** 2)),
  );
}

/** A choke by `pixels`: the whole radius, the share of the next one, and whether it grows the matte. */
export interface Choke {
  radius: number;
  share: number;
  grows: boolean;
}

export function choke(pixels: number): Choke | null {
  const size = Math.abs(pixels);
  return size === 0 ? null : { radius: Math.floor(size), share: size % 1, grows: pixels < 0 };
}
