/** Keys of the page; those of the viewer go to it. */

import { signal } from "@preact/signals";
import { isTyping } from "../shared/typing";
import { KEYS } from "../viewer/keys";
import { nextSeed } from "./state/acts";
import { redo, undo } from "./state/history";
import { guard, say } from "./state/notices";
import { route } from "./state/route";
import { chosenTake, takeById } from "./state/session";
import { brush, layDown, resizeBrush, toggleTool, type Tool } from "./state/tools";
import { nextSide, swapSides } from "./state/wiping";

export const sheetOpen = signal(false);

const VIEWER_KEYS = KEYS.map(({ keys, shift, label }): [string, string] => [
  `${shift ? "Shift+" : ""}${keys[0] === " " ? "Space" : keys[0]!.length === 1 ? keys[0]!.toUpperCase() : keys[0]!.replace("Arrow", "")}`,
  label,
]);

/** All keys, as the sheet shows them. */
export const SHEET: [string, [string, string][]][] = [
  ["Play and look", VIEWER_KEYS],
  [
    "Edit",
    [
      ["Ctrl+Enter", "generate"],
      ["N", "stop this take, next seed"],
      ["Ctrl+Z", "undo"],
      ["Ctrl+Shift+Z", "redo"],
      [", .", "next take on the wipe's left, right"],
      ["X", "exchange the wipe's sides"],
      ["Alt+Up Alt+Down", "move a layer or a job"],
      ["Delete", "remove a layer; on a slider: reset"],
    ],
  ],
  [
    "Tools on the frame",
    [
      ["B", "matte brush"],
      ["[ ]", "brush smaller, larger"],
      ["E", "erase or add"],
      ["R", "region"],
      ["V", "move the layer"],
      ["Esc", "put the tool down; leave a field"],
    ],
  ],
  ["Page", [["?", "this sheet"]]],
];

const OWN = ["b", "r", "v", ",", ".", "x", "n", "e"];
const TOOLS: Record<string, Tool> = { b: "paint", r: "region", v: "move" };

/** Listen for keys. */
export function followKeys(): void {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const typing = isTyping(event.target);
    if ((event.ctrlKey || event.metaKey) && !hasOwnUndo(event.target) && isUndo(event)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || typing) return;
    if (act(event)) event.preventDefault();
    else if (route.value.page === "edit" && isFree(event)) handOn(event);
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

/** Do what a key of the page is for; whether it is for anything. A key that is held down does it once. */
function act({ key, repeat }: KeyboardEvent): boolean {
  if (key === "?") return (sheetOpen.value = true);
  if (route.value.page !== "edit") return false;
  if (repeat && OWN.includes(key.toLowerCase())) return true;
  const next = TOOLS[key.toLowerCase()];
  if (next) toggleTool(next);
  else if (key === "[" || key === "]") resizeBrush(key === "]");
  else if (key === "Escape") layDown();
  else if (key === "," || key === ".") compare(key === "," ? "left" : "right");
  else if (key.toLowerCase() === "x") swapSides();
  else if (key.toLowerCase() === "n") newSeed();
  else if (key.toLowerCase() === "e") brush.value = { ...brush.value, mode: brush.value.mode === "add" ? "subtract" : "add" };
  else return false;
  return true;
}

function compare(side: "left" | "right"): void {
  if (!nextSide(side)) say("There is no take to compare yet");
}

function newSeed(): void {
  const take = takeById.value.get(chosenTake.value ?? "");
  if (take) void guard(() => nextSeed(take));
  else say("Choose a take first");
}

/** Whether the browser's own undo takes back what is being typed. */
function hasOwnUndo(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("textarea, [data-draft=true]");
}

const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

/** Whether what has the focus does not use the key itself: a button takes Space, a slider arrows. */
function isFree({ key, target }: KeyboardEvent): boolean {
  if (!(target instanceof Element) || target.matches("body, .host")) return true;
  if (key === " " || key === "Enter") return !target.matches("button, summary, a, input");
  return !MOVES.includes(key) || !target.matches("[type=range], [type=radio], .stack .name");
}

function handOn(event: KeyboardEvent): void {
  const host = document.querySelector(".host > *");
  if (!host || host.contains(event.target as Node)) return; // it has heard it
  const { key, code, shiftKey, repeat } = event;
  const copy = new KeyboardEvent("keydown", { key, code, shiftKey, repeat, cancelable: true });
  if (!host.dispatchEvent(copy)) event.preventDefault();
}
