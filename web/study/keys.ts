// What the keys do in a trial: by the letter, so that it is the one that stands on the button on every keyboard.
import type { Question, Side } from "./api";

export type Deed =
  | { kind: "choose"; question: Question; side: Side }
  | { kind: "heat" | "play" | "again" | "next" };

export const KEYS: Record<Question, [string, string]> = {
  preservation: ["1", "2"],
  compliance: ["Q", "W"],
  quality: ["A", "S"],
};

const DEEDS: Record<string, Deed> = {
  h: { kind: "heat" },
  r: { kind: "again" },
  " ": { kind: "play" },
  enter: { kind: "next" },
};
for (const [question, [left, right]] of Object.entries(KEYS) as [Question, [string, string]][]) {
  DEEDS[left.toLowerCase()] = { kind: "choose", question, side: "left" };
  DEEDS[right.toLowerCase()] = { kind: "choose", question, side: "right" };
}

/** What a key asks for; null for none of ours, and for those that belong to the browser or to a control. */
export function deedOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "target">): Deed | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const deed = DEEDS[event.key.toLowerCase()] ?? null;
  const tag = (event.target as Element | null)?.tagName ?? "";
  const pressed = ["BUTTON", "A", "SUMMARY"].includes(tag); // Space and Enter press what has the focus
  if (deed?.kind === "next" && pressed) return null;
  return deed?.kind === "play" && (pressed || tag === "INPUT") ? null : deed; // Space chooses by a radio button
}
