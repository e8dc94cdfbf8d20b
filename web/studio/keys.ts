/** Keys of the page; those of the viewer go to it. */

import { signal } from "@preact/signals";
import { nextSeed } from "./state/acts";
import { redo, undo } from "./state/history";
import { guard, say } from "./state/notices";
import { route } from "./state/route";
import { chosenTake, takeById } from "./state/session";
import { brush, resizeBrush, toggleTool, tool, type Tool } from "./state/tools";

export const sheetOpen = signal(false);

/** All keys, as the sheet shows them. */
export const SHEET: [string, [string, string][]][] = [
  [
    "Play and look",
    [
      ["Space", "Play or pause"],
      ["J K L", "Backwards, stop, forwards; again for faster"],
      ["Left Right", "One frame"],
      ["Home End", "First frame, last frame"],
      ["I O", "In point, out point"],
      ["1 to 5", "Source, edit, alpha, result, difference"],
      ["A M", "Alpha, matte overlay"],
      ["+ -", "Zoom"],
    ],
  ],
  [
    "Edit",
    [
      ["Ctrl+Enter", "Generate"],
      ["N", "Stop this take, next seed"],
      ["Ctrl+Z", "Undo"],
      ["Ctrl+Shift+Z", "Redo"],
      ["Alt+Up Alt+Down", "Move a layer or a job"],
      ["Delete", "Remove a layer; on a slider: reset"],
    ],
  ],
  [
    "Tools on the frame",
    [
      ["B", "Matte brush"],
      ["[ ]", "Brush smaller, larger"],
      ["E", "Erase or add"],
      ["R", "Region"],
      ["V", "Move the layer"],
      ["Esc", "Put the tool down"],
    ],
  ],
  ["Page", [["?", "This sheet"]]],
];

const TOOLS: Record<string, Tool> = { b: "paint", r: "region", v: "move" };

/** Listen for keys. */
export function followKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const typing = isTyping(event.target);
    if ((event.ctrlKey || event.metaKey) && !typing && isUndo(event)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
    if (act(event)) event.preventDefault();
    else if (route.value.page === "edit" && isFree(event.target)) handOn(event);
  });
}

function isUndo(event: KeyboardEvent): boolean {
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return false;
  event.preventDefault();
  const again = key === "y" || event.shiftKey;
  void guard(async () => {
    const label = await (again ? redo() : undo());
    say(label === null ? `Nothing to ${again ? "redo" : "undo"}` : `${again ? "Redone" : "Undone"}: ${label}`);
  });
  return true;
}

function act({ key }: KeyboardEvent): boolean {
  if (key === "?") return (sheetOpen.value = true);
  if (route.value.page !== "edit") return false;
  const next = TOOLS[key.toLowerCase()];
  if (next) toggleTool(next);
  else if (key === "[" || key === "]") resizeBrush(key === "]");
  else if (key === "Escape") tool.value = "none";
  else if (key.toLowerCase() === "n") newSeed();
  else if (key.toLowerCase() === "e") brush.value = { ...brush.value, mode: brush.value.mode === "add" ? "subtract" : "add" };
  else return false;
  return true;
}

function newSeed(): void {
  const take = takeById.value.get(chosenTake.value ?? "");
  if (take) void guard(() => nextSeed(take));
  else say("Choose a take first");
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches("textarea, select, input:not([type=range], [type=checkbox], [type=radio])");
}

/** Whether nothing else would take the key: a slider takes arrows, a button Space. */
function isFree(target: EventTarget | null): boolean {
  return target === document.body || !(target instanceof Element) || !target.matches("input, button, a, summary, [tabindex]");
}

function handOn(event: KeyboardEvent): void {
  const host = document.querySelector(".host");
  const copy = new KeyboardEvent("keydown", { key: event.key, code: event.code, shiftKey: event.shiftKey, cancelable: true, bubbles: false });
  if (host && !host.dispatchEvent(copy)) event.preventDefault();
}

