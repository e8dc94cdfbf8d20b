// Masks of the objects of a task: those that were pointed at, drawn anew when that changes, and those carried along.
import { effect, signal } from "@preact/signals";
import { call } from "../shared/call";
import { leasePath, lines, type Chosen, type Draft } from "./api";
import { problem } from "./notices";
import { attempt, draft, work } from "./task";

export const object = signal(1); // that is worked on
export const version = signal(0); // counts up whenever a mask has come
export const drawing = signal(0); // masks that the server is at
export const carried = signal<{ object: number; done: number } | null>(null); // while masks are carried along

let own = new Map<string, string | null>();
let along = new Map<string, string>();
let known: Draft["objects"] = {};
let carrying: AbortController | null = null;

/** Count without looking: an effect that counts does not run for it. */
const count = (what: typeof version, by: number) => void (what.value = what.peek() + by);

const at = (number: number, t: number) => `${number}:${t}`;

/** The counts that are shown of an object in a frame: what was pointed at there, or what was carried there. */
export function countsAt(number: number, t: number): string | null {
  return own.get(at(number, t)) ?? along.get(at(number, t)) ?? null;
}

export const isOwn = (number: number, t: number) => own.has(at(number, t));

/** The counts that a click corrects: of a mask that was carried into a frame where nothing was pointed at. */
export function corrected(number: number, t: number): string | undefined {
  return isOwn(number, t) || draft.value?.objects[number]?.moving ? undefined : along.get(at(number, t));
}

/** Frames of an object that have a mask. */
export function framesOf(number: number): { own: number[]; along: number[] } {
  const of = (held: Map<string, unknown>) =>
    [...held.keys()].filter((key) => key.startsWith(`${number}:`)).map((key) => Number(key.split(":")[1]));
  return { own: of(own), along: of(along) };
}

/** Show at once what was painted; the server keeps the same. */
export function paintOver(number: number, t: number, counts: string): void {
  own.set(at(number, t), counts);
  count(version, 1);
}

/** Have the object carried through the clip; masks are shown as they come. */
export async function carry(): Promise<void> {
  const held = work.value;
  const number = object.value;
  if (!held) return;
  stopCarrying();
  const mine = (carrying = new AbortController());
  carried.value = { object: number, done: 0 };
  const before = new Set([...along.keys()].filter((key) => key.startsWith(`${number}:`)));
  try {
    await lines<{ frame: number; counts: string }>(`${leasePath(held.lease)}/masks/${number}`, mine.signal, (line) => {
      along.set(at(number, line.frame), line.counts);
      before.delete(at(number, line.frame));
      carried.value = { object: number, done: carried.value!.done + 1 };
      count(version, 1);
    });
    for (const key of before) along.delete(key);
  } catch (error) {
    if (!mine.signal.aborted) problem(error);
  } finally {
    if (carrying === mine) carried.value = carrying = null;
    count(version, 1);
  }
}

export function stopCarrying(): void {
  carrying?.abort();
  carrying = null;
  carried.value = null;
}

effect(() => {
  void work.value?.lease;
  stopCarrying();
  own = new Map();
  along = new Map();
  known = {};
  object.value = 1;
  count(version, 1);
});

effect(() => {
  const now = draft.value?.objects ?? {};
  const held = work.peek();
  if (!held || held.gate !== "annotate") return;
  for (const number of new Set([...Object.keys(known), ...Object.keys(now)].map(Number))) {
    for (const t of changedFrames(known[number], now[number], held.proposals)) void draw(held.lease, number, t);
    if (!now[number]) along.forEach((_, key) => key.startsWith(`${number}:`) && along.delete(key));
  }
  known = now;
  count(version, 1);
});

/** Frames in which something else is pointed at than before. */
export function changedFrames(before: Chosen | undefined, now: Chosen | undefined, proposals: { frame: number }[]): number[] {
  const said = (chosen: Chosen | undefined) => {
    const found = new Map((chosen?.prompts ?? []).map((prompt) => [prompt.frame, JSON.stringify(prompt)]));
    const taken = chosen?.proposal === undefined ? undefined : proposals[chosen.proposal];
    if (taken) found.set(taken.frame, `${chosen!.proposal} ${found.get(taken.frame) ?? ""}`);
    return found;
  };
  const [old, fresh] = [said(before), said(now)];
  return [...new Set([...old.keys(), ...fresh.keys()])].filter((t) => old.get(t) !== fresh.get(t));
}

async function draw(lease: string, number: number, t: number): Promise<void> {
  const says = pointedAt(number, t);
  if (!says) {
    own.delete(at(number, t));
    return;
  }
  count(drawing, 1);
  try {
    const isOld = () => work.peek()?.lease !== lease || pointedAt(number, t) !== says; // something newer is on its way
    const path = `${leasePath(lease)}/masks/${number}/${t}`;
    const found = await attempt(async () => (isOld() ? null : call<{ counts: string | null }>("GET", path)));
    if (!found || isOld()) return;
    own.set(at(number, t), found.counts);
    count(version, 1);
  } finally {
    count(drawing, -1);
  }
}

/** What is said of an object in a frame, as text; "" for nothing. */
function pointedAt(number: number, t: number): string {
  const chosen = draft.peek()?.objects[number];
  const prompt = chosen?.prompts?.find((one) => one.frame === t);
  const taken = chosen?.proposal === undefined ? undefined : work.peek()?.proposals[chosen.proposal];
  return prompt || taken?.frame === t ? JSON.stringify([prompt, taken?.frame === t ? chosen!.proposal : null]) : "";
}
