/** The command log of the page: every change can be undone and done again. */

import { computed, signal, type Signal } from "@preact/signals";

export interface Command {
  label: string;
  redo(): void | Promise<void>;
  undo(): void | Promise<void>;
  key?: string | undefined;
}

const MOST = 500;
const PAUSE = 1000; // milliseconds after which a further change of the same field is a step of its own

const done = signal<readonly Command[]>([]);
const undone = signal<readonly Command[]>([]);
let lastTime = -Infinity;
let [lives, made] = [0, 0]; // how often all was forgotten, and how many steps were made
let moving: Promise<unknown> = Promise.resolve(); // the last step back or on, which may wait for the server

export const undoLabel = computed(() => done.value.at(-1)?.label ?? null);
export const redoLabel = computed(() => undone.value.at(-1)?.label ?? null);

/** Set a signal to `next` as one step, or as part of the last step if that has the same `key` and was just made. */
export function change<T>(target: Signal<T>, next: T, label: string, key?: string, now = Date.now()): void {
  const before = target.value;
  if (Object.is(before, next)) return;
  const last = done.value.at(-1);
  const merged = key !== undefined && last?.key === key && now - lastTime < PAUSE;
  const undo = merged ? last.undo : () => void (target.value = before);
  const kept = merged ? done.value.slice(0, -1) : done.value;
  target.value = next;
  push(kept, { label, key, undo, redo: () => void (target.value = next) });
  lastTime = now;
}

/** Record a step that was already made, such as a take moved to the bin. */
export function record(command: Command): void {
  push(done.value, command);
}

/** End the present step: what follows is a step of its own even if it changes the same field. */
export function closeStep(): void {
  lastTime = -Infinity;
}

/** Undo the last step; returns its label, or null if there is none. Rejects with the step's error and keeps the step. */
export async function undo(): Promise<string | null> {
  return move(done, undone, "undo");
}

/** Do the last undone step again. */
export async function redo(): Promise<string | null> {
  return move(undone, done, "redo");
}

/** Forget all steps, as when another project is opened. */
export function forget(): void {
  lives++;
  done.value = [];
  undone.value = [];
  closeStep();
}

function push(kept: readonly Command[], command: Command): void {
  made++;
  done.value = [...kept, command].slice(-MOST);
  undone.value = [];
}

type Steps = Signal<readonly Command[]>;

/** One at a time: a step is of what the one before it has left. */
function move(from: Steps, to: Steps, way: "undo" | "redo"): Promise<string | null> {
  const life = lives;
  const moved = moving.then(() => (life === lives ? moveNow(from, to, way) : null));
  moving = moved.catch(() => null);
  return moved;
}

async function moveNow(from: Steps, to: Steps, way: "undo" | "redo"): Promise<string | null> {
  const [life, before] = [lives, made];
  const command = from.value.at(-1);
  if (!command) return null;
  from.value = from.value.slice(0, -1);
  closeStep();
  try {
    await command[way]();
  } catch (error) {
    if (life === lives) from.value = [...from.value, command];
    throw error;
  }
  const isGone = life !== lives || (way === "undo" && made !== before); // by what was done while the server was asked
  if (!isGone) to.value = [...to.value, command];
  return command.label;
}
