// Which page is open stands behind the #, which browsers send nowhere.
import { signal } from "@preact/signals";
import type { Gate, Role } from "./api";

export interface Page {
  hash: string;
  label: string;
  gate: Gate | null;
  role: Role;
}

export const PAGES: Page[] = [
  { hash: "annotate", label: "Annotate", gate: "annotate", role: "work" },
  { hash: "filter", label: "Filter", gate: "filter", role: "work" },
  { hash: "curate", label: "Curate", gate: "curate", role: "work" },
  { hash: "words", label: "Words", gate: "proofread", role: "work" },
  { hash: "background-words", label: "Background words", gate: "background_proofread", role: "work" },
  { hash: "adjudicate", label: "Adjudicate", gate: null, role: "adjudicate" },
  { hash: "status", label: "Status", gate: null, role: "work" },
];

export const hash = signal(location.hash.slice(1));
addEventListener("hashchange", () => void (hash.value = location.hash.slice(1)));

export const isTask = (page: Page) => page.gate !== null || page.role === "adjudicate";

export const pageOf = (named: string) => PAGES.find((page) => page.hash === named) ?? PAGES.at(-1)!;
