/** Saving by itself: one request at a time, the newest state, and nothing written over what somebody else saved. */

import { signal, type ReadonlySignal } from "@preact/signals";
import { ApiError } from "../../shared/call";

export type SaveState = "saved" | "waiting" | "saving" | "failed" | "conflict";

export interface Saver<T> {
  state: ReadonlySignal<SaveState>;
  /** Save a value soon; a newer one takes its place. */
  save(value: T): void;
  /** Save what waits now. Resolves when the server has it, or when it cannot be saved. */
  flush(): Promise<void>;
  /** Go on from what the server has, without what waits. */
  reset(etag: string): void;
}

export interface SaverOptions<T> {
  etag: string;
  write(value: T, etag: string): Promise<string>;
  onConflict(): void;
  onError(error: unknown): void;
  wait?: number;
  again?: number;
}

/** Make a saver: `write` sends a value with the tag it builds on and returns the new tag. */
export function makeSaver<T>({ etag: first, write, onConflict, onError, wait = 400, again = 5000 }: SaverOptions<T>): Saver<T> {
  const state = signal<SaveState>("saved");
  let etag = first;
  let pending: { value: T } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let flushing: Promise<void> | null = null;
  let unanswered: T[] = []; // what was sent since the last answer: the server may have it, or not

  function schedule(delay: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => void flush(), delay);
  }

  function save(value: T): void {
    pending = { value };
    if (state.value === "conflict") return;
    if (state.value !== "failed") state.value = "waiting";
    schedule(wait);
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    return (flushing ??= sendAll().finally(() => (flushing = null))); // shared: nothing is on its way once it resolves
  }

  async function sendAll(): Promise<void> {
    if (!pending || state.value === "conflict") return;
    do await send();
    while (pending && state.value === "waiting");
  }

  async function send(): Promise<void> {
    const { value } = pending!;
    pending = null;
    state.value = "saving";
    try {
      etag = await written(value);
      unanswered = [];
      state.value = pending ? "waiting" : "saved";
    } catch (error) {
      pending ??= { value };
      if (!(error instanceof ApiError)) unanswered = [value, ...unanswered.filter((earlier) => earlier !== value)];
      if (error instanceof ApiError && error.status === 412) {
        state.value = "conflict";
        onConflict();
        return;
      }
      state.value = "failed";
      onError(error);
      if (!(error instanceof ApiError) || error.status >= 500) schedule(again);
    }
  }

  /**
   * Write a value. What the server has instead of what it builds on may be our own, whose answer was lost; sent again,
   * it brings its tag.
   */
  async function written(value: T): Promise<string> {
    for (const earlier of [null, ...unanswered]) {
      try {
        if (earlier !== null) etag = await write(earlier, etag);
        return await write(value, etag);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 412)) throw error;
      }
    }
    throw new ApiError(412, "the project was changed elsewhere");
  }

  function reset(next: string): void {
    clearTimeout(timer);
    etag = next;
    unanswered = [];
    pending = null;
    state.value = "saved";
  }

  return { state, save, flush, reset };
}
