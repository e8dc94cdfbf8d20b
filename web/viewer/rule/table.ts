/** A table of colours, which shows log footage: R'G'B' of 8 bits to R'G'B' of 8 bits, a cube interpolated linearly. */

/** `codes`: three a colour; red runs fastest, then green, then blue. */
export interface Table {
  side: number;
  codes: Uint8Array;
}

/** Puts what a table shows in place of the colour that is written at `at`. */
export function lookUp({ side, codes }: Table, out: { [index: number]: number }, at: number): void {
  const scale = (side - 1) / 255;
  const [red, green, blue] = [out[at]! * scale, out[at + 1]! * scale, out[at + 2]! * scale];
  const [r, g, b] = [low(red, side), low(green, side), low(blue, side)];
  const [x, y, z] = [red - r, green - g, blue - b];
  const first = 3 * ((b * side + g) * side + r);
  const [down, deep] = [3 * side, 3 * side * side];
  for (let k = 0; k < 3; k++) {
    const i = first + k;
    const near = square(codes, i, down, x, y);
    out[at + k] = Math.floor(near + z * (square(codes, i + deep, down, x, y) - near) + 0.5);
  }
}

/** The lower of the two nodes that a value lies between. */
function low(value: number, side: number): number {
  return Math.min(Math.floor(value), side - 2);
}

function square(codes: Uint8Array, i: number, down: number, x: number, y: number): number {
  const top = codes[i]! + x * (codes[i + 3]! - codes[i]!);
  const bottom = codes[i + down]! + x * (codes[i + down + 3]! - codes[i + down]!);
  return top + y * (bottom - top);
}
