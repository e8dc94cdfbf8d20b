// What is drawn over a frame: masks in the colours of their objects, points, boxes.
import type { Chosen } from "./api";
import { decodeMask } from "./rle";

export const COLORS: [number, number, number][] = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 178, 120],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
  [150, 150, 255],
  [255, 150, 150],
  [160, 220, 160],
];
export const colorOf = (number: number) => COLORS[(number - 1) % COLORS.length]!;
export const cssOf = (number: number) => `rgb(${colorOf(number).join(" ")})`;

/** Lay masks over a picture: tinted, with an edge, the one that is worked on stronger. */
export function drawMasks(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  masks: { number: number; mask: Uint8Array; strong: boolean }[],
): void {
  if (!masks.length) return;
  const picture = new ImageData(width, height);
  for (const { number, mask, strong } of masks) {
    const color = colorOf(number);
    const tint = strong ? 115 : 64;
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        if (!mask[at]) continue;
        const inside = x > 0 && x < width - 1 && mask[at - 1] && mask[at + 1] && mask[at - width] && mask[at + width];
        picture.data.set([...color, inside ? tint : 255], 4 * at);
      }
    }
  }
  sheet.width = width;
  sheet.height = height;
  sheet.getContext("2d")!.putImageData(picture, 0, 0);
  context.drawImage(sheet, 0, 0);
}
const sheet = new OffscreenCanvas(1, 1);

/** The mask of some counts, kept while they are shown. */
export function maskOf(counts: string, width: number, height: number): Uint8Array {
  const key = `${width} ${height} ${counts}`;
  const held = decoded.get(key);
  if (held) return held;
  const mask = decodeMask(counts, width, height);
  decoded.set(key, mask);
  if (decoded.size > 200) decoded.delete(decoded.keys().next().value!);
  return mask;
}
const decoded = new Map<string, Uint8Array>();

/** Draw the points and the box of a frame. */
export function drawPrompts(context: CanvasRenderingContext2D, chosen: Chosen | undefined, t: number, scale: number): void {
  const prompt = chosen?.prompts?.find((one) => one.frame === t);
  if (!prompt) return;
  const radius = 5 * scale;
  for (const [points, plus] of [
    [prompt.plus ?? [], true],
    [prompt.minus ?? [], false],
  ] as const) {
    for (const [x, y] of points) {
      context.beginPath();
      context.arc(x + 0.5, y + 0.5, radius, 0, 2 * Math.PI);
      context.fillStyle = plus ? "#1d8f4e" : "#c03a2b";
      context.fill();
      context.lineWidth = 1.5 * scale;
      context.strokeStyle = "#fff";
      context.stroke();
      context.beginPath();
      context.moveTo(x + 0.5 - radius * 0.55, y + 0.5);
      context.lineTo(x + 0.5 + radius * 0.55, y + 0.5);
      if (plus) {
        context.moveTo(x + 0.5, y + 0.5 - radius * 0.55);
        context.lineTo(x + 0.5, y + 0.5 + radius * 0.55);
      }
      context.stroke();
    }
  }
  if (prompt.box) drawBox(context, prompt.box, scale);
}

export function drawBox(context: CanvasRenderingContext2D, [x, y, width, height]: [number, number, number, number], scale: number): void {
  context.lineWidth = 3 * scale;
  context.strokeStyle = "#000a";
  context.strokeRect(x, y, width, height);
  context.lineWidth = 1.2 * scale;
  context.strokeStyle = "#fff";
  context.strokeRect(x, y, width, height);
}
