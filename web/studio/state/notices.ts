/** Lines for the user: what went wrong or what can be taken back. */

import { signal } from "@preact/signals";

export interface Notice {
  id: number;
  text: string;
  kind: "error" | "info";
  action?: { label: string; run(): unknown };
}

export const notices = signal<readonly Notice[]>([]);
const BRIEF = 8000; // milliseconds that a line of no consequence is shown
const MOST = 4;
let count = 0;

/** Show a line, in place of one of the same words. Errors stay until dismissed, or until errors need their room. Returns its id. */
export function say(text: string, kind: Notice["kind"] = "info", action?: Notice["action"]): number {
  const id = ++count;
  const others = notices.value.filter((notice) => notice.text !== text);
  const first = others.find((notice) => notice.kind === "info") ?? (kind === "error" ? others[0] : undefined);
  const gone = others.length < MOST ? undefined : first;
  notices.value = [...others.filter((notice) => notice !== gone), action ? { id, text, kind, action } : { id, text, kind }];
  if (kind === "info") setTimeout(() => dismiss(id), BRIEF);
  return id;
}

/** Take a line away. */
export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}

/** Take away what offers to do something, which can no longer be done. */
export function dismissOffers(): void {
  notices.value = notices.value.filter(({ action }) => !action);
}

/** What is under way and has no progress to tell, such as the opening of a clip. */
export const busy = signal<string | null>(null);

/** Say that something is under way while it is. */
export async function whileBusy<T>(text: string, work: () => Promise<T>): Promise<T> {
  busy.value = text;
  try {
    return await work();
  } finally {
    busy.value = null;
  }
}

/** Run something; what it throws becomes one line, and the answer is undefined. */
export async function guard<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), "error");
    return undefined;
  }
}
