/** Where a placed layer takes its samples from: OpenCV's bicubic `warpAffine`, which is separable without rotation. */

/** For each pixel along one axis: the first of its four taps and their weights. */
export interface Axis {
  first: Int32Array<ArrayBuffer>;
  weights: Float32Array<ArrayBuffer>;
}

/** A whole offset moves samples as they are; anything else interpolates, after a blur if it shrinks (sigma in pixels). */
export type Placement =
  { whole: true; right: number; down: number } | { whole: false; columns: Axis; rows: Axis; sigma: number };

const SHARPNESS = -0.75; // OpenCV's

/** Weights of the four taps around a position `fraction` past the second. */
export function cubicWeights(fraction: number): [number, number, number, number] {
  const a = SHARPNESS;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const [c0, c1, c2] = [far(fraction + 1), near(fraction), near(1 - fraction)];
  return [c0, c1, c2, 1 - c0 - c1 - c2];
}

function axis(length: number, scale: number, offset: number): Axis {
  const middle = (length - 1) / 2;
  const [first, weights] = [new Int32Array(length), new Float32Array(4 * length)];
  for (let i = 0; i < length; i++) {
    const from = (i - middle - offset) / scale + middle;
    first[i] = Math.floor(from) - 1;
    weights.set(cubicWeights(from - Math.floor(from)), 4 * i);
  }
  return { first, weights };
}

/** The placement of a picture scaled about its middle, then moved; null if that does nothing. */
export function placement(width: number, height: number, scale: number, right: number, down: number): Placement | null {
  if (scale === 1 && right === 0 && down === 0) return null;
  if (scale === 1 && Number.isInteger(right) && Number.isInteger(down)) return { whole: true, right, down };
  const sigma = scale < 1 ? 0.5 * Math.sqrt(1 / scale ** 2 - 1) : 0;
  return { whole: false, columns: axis(width, scale, right), rows: axis(height, scale, down), sigma };
}
