// Keys: each page names what its own do; a sheet shows them all.
import { signal } from "@preact/signals";
import { isTyping } from "../shared/typing";
import { show, step, toggle, frame } from "./clock";
import { fit, zoomBy } from "./zoom";

export interface Key {
  key: string; // as KeyboardEvent.key, lower case; "shift+z" with a modifier
  shown?: string; // how it stands on the sheet
  what: string;
  act(): void;
  typing?: boolean; // also while something is typed
  held?: boolean; // again and again while it is held down
}

export const CLIP: Key[] = [
  { key: "k", what: "Play or pause", act: toggle },
  { key: ",", what: "A frame back", held: true, act: () => step(-1) },
  { key: ".", what: "A frame on", held: true, act: () => step(1) },
  { key: "arrowleft", shown: "←", what: "A frame back", held: true, act: () => step(-1) },
  { key: "arrowright", shown: "→", what: "A frame on", held: true, act: () => step(1) },
  { key: "shift+arrowleft", shown: "Shift ←", what: "Eight frames back", held: true, act: () => step(-8) },
  { key: "shift+arrowright", shown: "Shift →", what: "Eight frames on", held: true, act: () => step(8) },
  { key: "home", shown: "Home", what: "First frame", act: () => show(0) },
  { key: "end", shown: "End", what: "Last frame", act: () => show(frame.value + 1e6) },
  { key: "+", what: "Zoom in; also by the wheel. The middle button drags", held: true, act: () => zoomBy(1.25) },
  { key: "=", shown: "", what: "Zoom in", held: true, act: () => zoomBy(1.25) },
  { key: "-", what: "Zoom out", held: true, act: () => zoomBy(0.8) },
  { key: "0", what: "The whole picture", act: fit },
];

export const keys = signal<Key[]>([]);
export const sheetOpen = signal(false);
export const allKeys = () => [...keys.value, ...CLIP];

/** Have the page that is shown take these keys, until what is returned is called, or another page takes its own: the
 * next page is there before the last one has gone. */
export function take(own: Key[]): () => void {
  keys.value = own;
  return () => {
    if (keys.peek() === own) keys.value = [];
  };
}

export const nameOf = (key: Key) => key.shown ?? (key.key.length === 1 ? key.key.toUpperCase() : key.key);

/** What a key event is called here. */
export function called(event: Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey">): string {
  const letter = event.key.toLowerCase();
  const shift = event.shiftKey && (letter.length > 1 || /[a-z]/.test(letter)) ? "shift+" : "";
  return (event.ctrlKey || event.metaKey ? "ctrl+" : "") + shift + letter;
}

/** Whether an event presses what has the focus. */
function presses(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  return (
    ["Enter", " "].includes(event.key) &&
    target.matches("button, a, summary, input[type=checkbox], input[type=radio]")
  );
}

/** The key that an event presses; none while something is typed, or where it presses what has the focus. */
export function keyOf(event: KeyboardEvent, known: Key[]): Key | undefined {
  if (event.altKey || document.querySelector("dialog[open]")) return undefined;
  const target = event.target as HTMLElement;
  const typing = isTyping(target);
  const gone = target.closest("dialog"); // closed, and the focus is still to leave it
  const found = known.find((key) => key.key === called(event));
  if (!found || (typing && !found.typing)) return undefined;
  if (!gone && presses(event)) return undefined;
  if (target.matches("input[type=range]") && /^(shift\+)?(arrow|home|end)/.test(found.key)) return undefined;
  return found;
}

addEventListener("keydown", (event) => {
  const found = keyOf(event, allKeys());
  if (event.key === "?" && !(event.target as HTMLElement).matches("input, textarea")) sheetOpen.value = true;
  const onceMore = event.repeat && !found?.held; // nobody decides of what a key that is still held down brought
  if (onceMore && (found || presses(event))) event.preventDefault();
  if (!found || onceMore || event.defaultPrevented) return;
  event.preventDefault();
  found.act();
});
