/** The canvas that people see: pictures of the views laid into it, fitted or zoomed, with a wipe between two. */

import type { Picture, Side, View, Wipe } from "./types";
import type { Size } from "./rule/plan";

type Drawable = HTMLCanvasElement | OffscreenCanvas | ImageBitmap;

export interface Look {
  view: View;
  wipe: Wipe;
  /** Device pixels a pixel of the proxy; null fits. */
  zoom: number | null;
  center: [number, number] | null;
}

/** A rectangle in device pixels. */
interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

export const MOST_ZOOM = 64;

/** Device pixels a pixel of the proxy when it is fitted. */
export function fitted(canvas: Size, proxy: Size): number {
  return Math.min(canvas.width / proxy.width, canvas.height / proxy.height);
}

/** Where the whole picture lies on the canvas, at whole device pixels. */
export function placePicture(canvas: Size, proxy: Size, look: Look): Rectangle {
  const scale = look.zoom ?? fitted(canvas, proxy);
  const [x, y] = (look.zoom === null ? null : look.center) ?? [proxy.width / 2, proxy.height / 2];
  const place = (middle: number, at: number) => Math.round(middle / 2 - at * scale);
  const [left, top] = [place(canvas.width, x), place(canvas.height, y)];
  return { left, top, width: proxy.width * scale, height: proxy.height * scale };
}

/** Draws the view or the two sides of the wipe; `picture` gives the drawable of one. */
export function present(
  context: CanvasRenderingContext2D,
  proxy: Size,
  look: Look,
  picture: (side: Side) => Drawable | null,
): void {
  const { canvas } = context;
  const place = placePicture(canvas, proxy, look);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = place.width / proxy.width < 2;
  context.imageSmoothingQuality = "high";
  const draw = (side: Side) => {
    const drawable = picture(side);
    if (drawable) context.drawImage(drawable, place.left, place.top, place.width, place.height);
  };
  if (!look.wipe.on) return draw(look.view);
  const line = place.left + Math.round(look.wipe.position * place.width);
  clipped(context, { ...place, width: line - place.left }, () => draw(look.wipe.left));
  clipped(context, { ...place, left: line, width: place.left + place.width - line }, () => draw(look.wipe.right));
}

function clipped(context: CanvasRenderingContext2D, { left, top, width, height }: Rectangle, draw: () => void): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  draw();
  context.restore();
}

/** Where the upright source lies, in CSS pixels from the canvas's corner. */
export function sourcePicture(canvas: Size, proxy: Size, source: Size, look: Look, ratio: number): Picture {
  const { left, top, width, height } = placePicture(canvas, proxy, look);
  const scale = { x: width / ratio / source.width, y: height / ratio / source.height };
  return { left: left / ratio, top: top / ratio, scale };
}
