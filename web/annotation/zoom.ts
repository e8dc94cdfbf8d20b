// How large a picture is shown, and what of it is in the middle: the same for all pictures of a page.
import { signal } from "@preact/signals";
import type { Point } from "./api";

export interface Look {
  zoom: number; // 1: the whole picture
  middle: Point; // in shares of width and height
}

export interface Place {
  left: number; // of the picture's corner in the canvas, in pixels of the page
  top: number;
  scale: number; // pixels of the page that are one of the picture
  middle: Point; // what is in the middle indeed: the picture is not drawn away from its canvas
}

const MOST = 32;
const WHOLE: Look = { zoom: 1, middle: [0.5, 0.5] };

export const look = signal<Look>(WHOLE);
export const fit = () => void (look.value = WHOLE);

/** Enlarge by a factor; what is at `at`, in shares of the picture, stays where it is. */
export function zoomBy(factor: number, at: Point = look.peek().middle): void {
  const { zoom, middle } = look.peek();
  const after = Math.max(1, Math.min(MOST, zoom * factor));
  const moved = (axis: 0 | 1) => at[axis] + ((middle[axis] - at[axis]) * zoom) / after;
  look.value = after === 1 ? WHOLE : { zoom: after, middle: [moved(0), moved(1)] };
}

export function lookAt(middle: Point): void {
  look.value = { ...look.peek(), middle: [share(middle[0]), share(middle[1])] };
}

/** Where a picture lies in a canvas; one that is larger than it fills it. */
export function placed({ zoom, middle }: Look, across: number, down: number, width: number, height: number): Place {
  const scale = (Math.min(across / width, down / height) || 1) * zoom;
  const left = corner(across, width * scale, middle[0]);
  const top = corner(down, height * scale, middle[1]);
  return { left, top, scale, middle: [(across / 2 - left) / (width * scale), (down / 2 - top) / (height * scale)] };
}

const corner = (space: number, size: number, middle: number) =>
  size <= space ? (space - size) / 2 : Math.max(space - size, Math.min(0, space / 2 - middle * size));

const share = (value: number) => Math.max(0, Math.min(1, value));
