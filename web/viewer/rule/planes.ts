/** Pictures as the rule sees them: decoded planes, and a layer with a value of each component at every pixel. */

/** Y'CbCr 4:2:0, 8 bit, BT.709 limited; width and height are even. */
export interface Planes {
  width: number;
  height: number;
  y: Uint8Array;
  cb: Uint8Array;
  cr: Uint8Array;
}

/** Alpha, 8 bit: 0 to 255. */
export type AlphaPlane = Uint8Array;

/** Components in 1/64 code values and alpha in 1/65535, each at every pixel. */
export interface Sheet {
  width: number;
  height: number;
  y: Uint16Array;
  cb: Uint16Array;
  cr: Uint16Array;
  alpha: Uint16Array;
}

/** 1/64 code values: two bits fewer and a mixture of four samples would not fit into 32 bits. */
export const STEPS = 64;
export const FULL = 65535;

export const CHANNELS = ["y", "cb", "cr"] as const;

export function newSheet(width: number, height: number): Sheet {
  const plane = () => new Uint16Array(width * height);
  return { width, height, y: plane(), cb: plane(), cr: plane(), alpha: plane() };
}

/** Planes one after the other in one buffer, as decoders write them. */
export function newPlanes(width: number, height: number, packed = new Uint8Array((width * height * 3) / 2)): Planes {
  const [luma, chroma] = [width * height, (width * height) / 4];
  const [y, cb, cr] = [packed.subarray(0, luma), packed.subarray(luma, luma + chroma), packed.subarray(luma + chroma)];
  return { width, height, y, cb, cr };
}

/** Index of the chroma sample that a pixel shares. */
export function chromaIndex(x: number, y: number, width: number): number {
  return (y >> 1) * (width >> 1) + (x >> 1);
}
