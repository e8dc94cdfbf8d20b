/** The keys of the viewer, each with what it does: also the list that a page may show. */

import type { View, ViewerApi } from "./types";

interface Key {
  /** As `KeyboardEvent.key`; letters in lower case. */
  keys: string[];
  shift?: boolean;
  label: string;
  act(viewer: ViewerApi): void;
}

const VIEW_KEYS: [string, View, string][] = [
  ["1", "source", "source"],
  ["2", "edit", "edit layer"],
  ["3", "alpha", "alpha"],
  ["4", "result", "result"],
  ["5", "difference", "difference"],
  ["6", "matte", "matte monitor: everything not 0 or 1 is grey"],
];

const FASTEST = 8;

/** The speed after another press of L (1) or J (-1): doubled if it went that way. */
export function shuttle(speed: number, way: 1 | -1): number {
  return speed * way > 0 ? Math.min(Math.abs(speed) * 2, FASTEST) * way : way;
}

const toggled = (signal: { value: boolean }) => (signal.value = !signal.value);

function zoomBy(viewer: ViewerApi, factor: number): void {
  viewer.zoomAt(viewer.zoomNow() * factor);
}

export const KEYS: Key[] = [
  { keys: [" "], label: "play or pause", act: (viewer) => (viewer.playing.value ? viewer.pause() : viewer.play()) },
  { keys: ["k"], label: "pause", act: (viewer) => viewer.pause() },
  { keys: ["l"], label: "play; again: twice as fast", act: (viewer) => viewer.play(shuttle(viewer.speed.value, 1)) },
  {
    keys: ["j"],
    label: "play backwards; again: twice as fast",
    act: (viewer) => viewer.play(shuttle(viewer.speed.value, -1)),
  },
  { keys: ["ArrowRight"], label: "next frame", act: (viewer) => viewer.step(1) },
  { keys: ["ArrowLeft"], label: "previous frame", act: (viewer) => viewer.step(-1) },
  { keys: ["ArrowRight"], shift: true, label: "ten frames on", act: (viewer) => viewer.step(10) },
  { keys: ["ArrowLeft"], shift: true, label: "ten frames back", act: (viewer) => viewer.step(-10) },
  { keys: ["Home"], label: "first frame", act: (viewer) => viewer.seek(viewer.inPoint.value ?? 0) },
  { keys: ["End"], label: "last frame", act: (viewer) => viewer.seek(viewer.outPoint.value ?? Infinity) },
  { keys: ["i"], label: "in point here", act: (viewer) => (viewer.inPoint.value = viewer.frame.value) },
  { keys: ["o"], label: "out point here", act: (viewer) => (viewer.outPoint.value = viewer.frame.value) },
  { keys: ["i"], shift: true, label: "no in point", act: (viewer) => (viewer.inPoint.value = null) },
  { keys: ["o"], shift: true, label: "no out point", act: (viewer) => (viewer.outPoint.value = null) },
  ...VIEW_KEYS.map(([key, view, label]) => ({
    keys: [key],
    label,
    act: (viewer: ViewerApi) => void (viewer.view.value = view),
  })),
  {
    keys: ["a"],
    label: "alpha or result",
    act: ({ view }) => (view.value = view.value === "alpha" ? "result" : "alpha"),
  },
  { keys: ["m"], label: "matte over the picture", act: ({ overlay }) => toggled(overlay) },
  { keys: ["c"], label: "checkerboard under the edit", act: ({ checkerboard }) => toggled(checkerboard) },
  {
    keys: ["w"],
    label: "wipe between two views",
    act: ({ wipe }) => (wipe.value = { ...wipe.value, on: !wipe.value.on }),
  },
  { keys: ["+", "="], label: "zoom in", act: (viewer) => zoomBy(viewer, 1.25) },
  { keys: ["-", "_"], label: "zoom out", act: (viewer) => zoomBy(viewer, 0.8) },
  { keys: ["0"], label: "fit the picture", act: (viewer) => (viewer.zoom.value = null) },
];

const HELD = ["ArrowLeft", "ArrowRight", "+", "=", "-", "_"]; // again and again while they are held down

/** Does what a key is for; whether it is for anything. Keys with Ctrl, Alt or Meta belong to others. */
export function pressKey(viewer: ViewerApi, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const fits = (key: Key) =>
    key.keys.includes(name) && (key.shift ?? false) === (event.shiftKey && !"+_".includes(name));
  const found = KEYS.find(fits);
  if (!event.repeat || HELD.includes(name)) found?.act(viewer);
  return found !== undefined;
}
