/** What the strip shows, drawn row by row: thumbnails, waveform, layer bars, and what lies outside in and out. */

import type { Bar } from "../types";

export interface Rows {
  thumbnails: number;
  waveform: number;
  bar: number;
}

/** Heights in CSS pixels. */
export const ROWS: Rows = { thumbnails: 48, waveform: 32, bar: 18 };

export interface Colors {
  text: string;
  quiet: string;
  accent: string;
  raised: string;
  ground: string;
}

type Context = CanvasRenderingContext2D;

/** Tiles of the sheet, as many as fit at their own shape, each that of the place where it stands. */
export function drawThumbnails(
  context: Context,
  sheet: ImageBitmap,
  count: number,
  width: number,
  height: number,
): void {
  const tile = sheet.width / count;
  const shown = Math.max(Math.round((tile / sheet.height) * height), 1);
  for (let left = 0; left < width; left += shown) {
    const index = Math.min(Math.floor(((left + shown / 2) / width) * count), count - 1);
    context.drawImage(sheet, index * tile, 0, tile, sheet.height, left, 0, shown, height);
  }
}

/** The highest peak that falls into each of `columns` even parts. */
export function columnPeaks(peaks: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const first = Math.floor((column * peaks.length) / columns);
    const last = Math.max(Math.ceil(((column + 1) * peaks.length) / columns), first + 1);
    return peaks.slice(first, last).reduce((highest, peak) => Math.max(highest, peak), 0);
  });
}

export function drawWaveform(
  context: Context,
  peaks: readonly number[],
  top: number,
  width: number,
  height: number,
  color: string,
): void {
  context.fillStyle = color;
  columnPeaks(peaks, Math.floor(width)).forEach((peak, x) => {
    const size = Math.max((peak / 255) * height, 1);
    context.fillRect(x, top + (height - size) / 2, 1, size);
  });
}

export function drawBar(context: Context, bar: Bar, count: number, top: number, width: number, colors: Colors): void {
  const [left, right] = [(bar.first / count) * width, ((bar.last + 1) / count) * width];
  context.save();
  context.globalAlpha = bar.on ? 1 : 0.35;
  context.fillStyle = bar.color ?? colors.raised;
  context.fillRect(left, top + 1, Math.max(right - left, 2), ROWS.bar - 2);
  context.beginPath();
  context.rect(left, top, Math.max(right - left - 4, 0), ROWS.bar);
  context.clip();
  context.fillStyle = colors.text;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillText(bar.label, left + 5, top + ROWS.bar / 2);
  context.restore();
}

/** Darkens what lies before the in point and after the out point, and marks both. */
export function drawEnds(
  context: Context,
  first: number | null,
  last: number | null,
  count: number,
  width: number,
  height: number,
  colors: Colors,
): void {
  const left = ((first ?? 0) / count) * width;
  const right = (((last ?? count - 1) + 1) / count) * width;
  context.save();
  context.globalAlpha = 0.6;
  context.fillStyle = colors.ground;
  context.fillRect(0, 0, left, height);
  context.fillRect(right, 0, width - right, height);
  context.globalAlpha = 1;
  context.fillStyle = colors.accent;
  if (first !== null) context.fillRect(left, 0, 2, height);
  if (last !== null) context.fillRect(right - 2, 0, 2, height);
  context.restore();
}
