// Lines for the user, gone after a while.
import { signal } from "@preact/signals";

export interface Notice {
  text: string;
  bad: boolean;
}

const SHOWN = 8000; // milliseconds

export const notices = signal<Notice[]>([]);

export function tell(text: string, bad = false): void {
  const notice = { text, bad };
  notices.value = [...notices.value.filter((held) => held.text !== text), notice].slice(-3);
  setTimeout(() => dismiss(notice), SHOWN);
}

export const dismiss = (notice: Notice) => void (notices.value = notices.value.filter((held) => held !== notice));

/** Tell what went wrong; the server's own lines begin in lower case. */
export function problem(error: unknown): void {
  const told = error instanceof Error ? error.message : String(error);
  tell(told.charAt(0).toUpperCase() + told.slice(1), true);
}
