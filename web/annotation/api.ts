// What the desk is asked and answers; `src/vera/annotation/server/forms.py` has the same in Python.

import { reach } from "../shared/call";

export type Gate = "annotate" | "filter" | "curate" | "proofread" | "background_proofread";
export type Role = "work" | "adjudicate";
export type View = "clip" | "plate" | "difference" | "evidence" | "alpha" | "checker" | "plain" | "result";
export type Point = [number, number];

export interface Prompt {
  frame: number;
  box?: [number, number, number, number];
  plus?: Point[];
  minus?: Point[];
  mask?: string;
}

export interface Chosen {
  noun: string;
  prompts?: Prompt[];
  proposal?: number;
  moving?: boolean;
  barriers?: number[];
}

export interface Stroke {
  points: Point[];
  radius: number;
  softness: number;
  mode: "add" | "subtract";
  range: [number, number];
}

export interface Draft {
  objects: Record<string, Chosen>;
  parts: [number, number, number][];
  levels: [number, number];
  strokes: Stroke[];
  can_undo: boolean;
  can_redo: boolean;
}

export interface Work {
  lease: string;
  gate: Gate;
  role: Role;
  frames: number;
  width: number;
  height: number;
  rate: number;
  seconds: number;
  seq: number;
  draft: Draft;
  proposals: { frame: number; counts: string }[];
  views: View[];
  reasons: string[];
  noun: string;
  words: Partial<Record<"instruction" | "before" | "after", string>>;
  of: Record<string, string>; // what is shown, for the answer
}

export interface Answer {
  objects?: Chosen[];
  unusable?: string;
  accept?: boolean;
  reason?: string;
  instruction?: string;
  before?: string;
  after?: string;
}

export interface Differing {
  answers: Answer[];
  agreement: number;
}

export interface GateProgress {
  gate: Gate;
  waiting: number;
  held: number;
  disputed: number;
  decided: number;
  accepted: number;
  reasons: Record<string, number>;
  pairs: number;
  agreement: number | null;
  alpha: number | null;
}

export interface PersonProgress {
  person: string;
  answers: number;
  minutes: number;
  gold: number;
  right: number | null;
}

export interface Progress {
  gates: GateProgress[];
  people: PersonProgress[];
  you: string;
  rules: Record<string, number>;
}

export type Doing = Record<string, unknown> & { kind: string };

/** Call the server for lines of JSON, each of which `take` is given as it comes. */
export async function lines<T>(path: string, signal: AbortSignal, take: (line: T) => void): Promise<void> {
  const response = await reach("GET", path, undefined, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (held + value).split("\n");
    held = parts.pop()!;
    for (const part of parts) take(JSON.parse(part) as T);
  }
}

export const leasePath = (lease: string) => `/api/leases/${lease}`;
export const picturePath = (lease: string, view: View, frame: number) => `${leasePath(lease)}/pictures/${view}/${frame}`;
