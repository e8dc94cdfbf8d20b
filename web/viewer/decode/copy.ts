/** From a `VideoFrame` to planes: as they were decoded where the browser shows them, else out of its R'G'B'. */

import { FROM_RGB, OFFSET } from "../rule/color";
import { newPlanes, type Planes } from "../rule/planes";

/** Whether planes of this frame come as they were decoded. */
export function hasPlanes(frame: VideoFrame): boolean {
  return frame.format === "I420" || frame.format === "NV12";
}

/** The planes of a frame, even in size; the frame stays open. */
export async function copyPlanes(frame: VideoFrame): Promise<Planes> {
  const { width, height } = frame.visibleRect!;
  if (frame.format === "I420") return newPlanes(width, height, await copyPacked(frame, [width, width / 2, width / 2]));
  if (frame.format === "NV12") return split(width, height, await copyPacked(frame, [width, width]));
  const planes = newPlanes(width, height);
  fromRgba(await readRgba(frame, width, height), planes);
  return planes;
}

/** The visible planes without padding, the rows of each as long as `strides`. */
async function copyPacked(frame: VideoFrame, strides: number[]): Promise<Uint8Array<ArrayBuffer>> {
  const { height } = frame.visibleRect!;
  const packed = new Uint8Array((frame.visibleRect!.width * height * 3) / 2);
  let offset = 0;
  const layout = strides.map((stride, plane) => {
    const place = { offset, stride };
    offset += stride * (plane ? height / 2 : height);
    return place;
  });
  await frame.copyTo(packed, { rect: frame.visibleRect!, layout });
  return packed;
}

/** Planes of NV12, whose chroma samples alternate. */
function split(width: number, height: number, packed: Uint8Array): Planes {
  const planes = newPlanes(width, height);
  const luma = width * height;
  planes.y.set(packed.subarray(0, luma));
  for (let i = 0; i < luma / 4; i++) {
    planes.cb[i] = packed[luma + 2 * i]!;
    planes.cr[i] = packed[luma + 2 * i + 1]!;
  }
  return planes;
}

async function readRgba(picture: VideoFrame | ImageBitmap, width: number, height: number): Promise<Uint8ClampedArray> {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(picture, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

/** Writes the planes of R'G'B'A, 8 bit, chroma averaged over the four pixels that share it. */
export function fromRgba(rgba: Uint8ClampedArray, { width, height, y, cb, cr }: Planes): void {
  const part = (i: number, component: 0 | 1 | 2) =>
    (FROM_RGB[component][0] * rgba[i]! +
      FROM_RGB[component][1] * rgba[i + 1]! +
      FROM_RGB[component][2] * rgba[i + 2]!) /
    255;
  for (let i = 0; i < y.length; i++) y[i] = Math.round(OFFSET[0] + part(4 * i, 0));
  for (let row = 0, to = 0; row < height; row += 2) {
    for (let column = 0; column < width; column += 2, to++) {
      const at = 4 * (row * width + column);
      const four = [at, at + 4, at + 4 * width, at + 4 * width + 4];
      cb[to] = Math.round(OFFSET[1] + four.reduce((sum, i) => sum + part(i, 1), 0) / 4);
      cr[to] = Math.round(OFFSET[2] + four.reduce((sum, i) => sum + part(i, 2), 0) / 4);
    }
  }
}

/** The grey codes of a picture scaled to a size: alpha that came as a PNG. */
export async function greyOf(picture: ImageBitmap, width: number, height: number): Promise<Uint8Array> {
  const rgba = await readRgba(picture, width, height);
  return Uint8Array.from({ length: width * height }, (_, i) => rgba[4 * i]!);
}
