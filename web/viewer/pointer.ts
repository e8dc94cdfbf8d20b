/** The pointer in the viewer: pixel under it, wheel to zoom, drag to pan, the wipe's handle, also by its keys. */

import type { Signal } from "@preact/signals";
import type { Parts } from "./parts";
import type { Picture, ViewerApi, Wipe } from "./types";
import type { Size } from "./rule/plan";

type Place = { x: number; y: number };

/** Calls `move` with each movement of a pointer that is held on an element, until it is let go. */
function onDrag(
  target: HTMLElement,
  signal: AbortSignal,
  starts: (event: PointerEvent) => boolean,
  move: (event: PointerEvent) => void,
): void {
  target.addEventListener(
    "pointerdown",
    (event) => {
      if (starts(event)) target.setPointerCapture(event.pointerId);
    },
    { signal },
  );
  target.addEventListener(
    "pointermove",
    (event) => {
      if (target.hasPointerCapture(event.pointerId)) move(event);
    },
    { signal },
  );
}

function placeIn(element: HTMLElement, event: MouseEvent): Place {
  const { left, top } = element.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

/** The source pixel at a place of the host; null beside the picture. */
export function pixelAt({ left, top, scale }: Picture, { x, y }: Place, source: Size): Place | null {
  const found = { x: Math.floor((x - left) / scale.x), y: Math.floor((y - top) / scale.y) };
  return found.x >= 0 && found.y >= 0 && found.x < source.width && found.y < source.height ? found : null;
}

export function listenZoom(
  { root, canvas }: Parts,
  viewer: ViewerApi,
  center: () => [number, number],
  signal: AbortSignal,
): void {
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    viewer.zoomAt(viewer.zoomNow() * 2 ** (-event.deltaY / 400), placeIn(root, event));
  };
  root.addEventListener("wheel", onWheel, { signal, passive: false });
  const starts = (event: PointerEvent) => event.button < 2 && viewer.zoom.value !== null;
  onDrag(canvas, signal, starts, (event) => {
    const [x, y] = center();
    const factor = devicePixelRatio / viewer.zoomNow();
    viewer.center.value = [x - event.movementX * factor, y - event.movementY * factor];
  });
}

export function listenCursor(
  { root }: Parts,
  viewer: ViewerApi,
  cursor: Signal<Place | null>,
  source: () => Size,
  signal: AbortSignal,
): void {
  const move = (event: PointerEvent) => {
    cursor.value = pixelAt(viewer.picture.value, placeIn(root, event), source());
  };
  root.addEventListener("pointermove", move, { signal });
  root.addEventListener(
    "pointerleave",
    () => {
      cursor.value = null;
    },
    { signal },
  );
}

const WIPE_KEYS: Record<string, (position: number, step: number) => number> = {
  ArrowLeft: (position, step) => position - step,
  ArrowRight: (position, step) => position + step,
  ArrowDown: (position, step) => position - step,
  ArrowUp: (position, step) => position + step,
  Home: () => 0,
  End: () => 1,
};

export function listenWipe(
  { root, handle }: Parts,
  wipe: Signal<Wipe>,
  picture: () => Picture,
  width: () => number,
  signal: AbortSignal,
): void {
  const move = (position: number) => {
    wipe.value = { ...wipe.value, position: Math.min(Math.max(position, 0), 1) };
  };
  onDrag(
    handle,
    signal,
    () => true,
    (event) => {
      const { left, scale } = picture();
      move((placeIn(root, event).x - left) / (scale.x * width()));
    },
  );
  const onKey = (event: KeyboardEvent) => {
    const next = WIPE_KEYS[event.key];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation(); // arrows on the handle do not step frames
    move(next(wipe.value.position, event.shiftKey ? 0.1 : 0.01));
  };
  handle.addEventListener("keydown", onKey, { signal });
}
