/** The project that is open: its clip, document and takes, kept as the server has them. */

import { computed, effect, signal } from "@preact/signals";
import * as api from "../api/client";
import type { About, Clip, Take } from "../api/types";
import { type Doc, changesOf, docOf } from "./doc";
import { EMPTY, type Form, form, formOfTake } from "./form";
import { forget } from "./history";
import { dismiss, dismissOffers, say } from "./notices";
import { makeSaver, type Saver } from "./saving";
import { drop, recall, store } from "./stored";

export const about = signal<About | null>(null);
export const projectId = signal<string | null>(null);
export const clip = signal<Clip | null>(null);
export const doc = signal<Doc | null>(null);
export const takes = signal<readonly Take[]>([]);
/** The document as it was when the project was opened, and the results that were made of the same layers. */
export const opened = signal<{ doc: Doc; laid: readonly string[] } | null>(null);
export const selected = signal(-1);
export const chosenTake = signal<string | null>(null);
const saver = signal<Saver<Doc> | null>(null);

export const saveState = computed(() => saver.value?.state.value ?? "saved");
export const takeById = computed(() => new Map(takes.value.map((take) => [take.id, take])));
export const layer = computed(() => doc.value?.layers[selected.value] ?? null);

let turns = 0; // how often a project was asked for
let [reads, shown] = [0, 0]; // how often takes were asked for, and the last of them whose answer is shown
let tag = ""; // of what the server has
let saved: Doc | null = null; // what the server is known to have, or was given when the project was opened

effect(() => {
  const [id, now] = [projectId.value, doc.value];
  if (!id || !now || now === saved) return;
  saved = now;
  keep(id, now);
  saver.peek()?.save(now);
});

// A layer is chosen as long as there is one, also where undo or another window brought it.
effect(() => {
  const count = doc.value?.layers.length ?? 0;
  selected.value = Math.min(Math.max(selected.value, 0), count - 1);
});

effect(() => {
  if (projectId.value && form.value !== EMPTY) store(`vera:form:${projectId.value}`, form.value);
});

/** Open a project; a document that could not be saved the last time is taken up again. True once one is open. */
export async function open(id: string): Promise<boolean> {
  const turn = ++turns;
  if (projectId.peek() === id) return true;
  await saver.peek()?.flush();
  if (turn !== turns) return true; // another one was asked for meanwhile, perhaps the one that was to be left
  leave();
  const { value: project, etag } = await api.project(id);
  const [source, made] = await Promise.all([api.clip(project.clip), api.takes(id)]);
  if (turn !== turns) return true;
  const kept = recall<{ etag: string; doc: Doc }>(`vera:unsaved:${id}`);
  tag = etag;
  saver.value = saverOf(id, etag);
  saved = docOf(project);
  clip.value = source;
  takes.value = made;
  opened.value = { doc: saved, laid: project.laid };
  doc.value = saved;
  selected.value = saved.layers.length - 1;
  form.value = recallForm(id) ?? firstForm(made);
  projectId.value = id;
  if (kept?.etag === etag) doc.value = { ...saved, ...kept.doc };
  return true;
}

/** The form as this browser kept it; fields that an older page did not have are empty. */
function recallForm(id: string): Form | null {
  const kept = recall<Partial<Form>>(`vera:form:${id}`);
  return kept && { ...EMPTY, ...kept };
}

/** The form of who comes back on another day, or from another browser: that of the newest take. */
function firstForm(made: readonly Take[]): Form {
  const newest = made.find(({ kind }) => kind === "edit");
  return newest ? formOfTake(newest) : { ...EMPTY, model: about.value?.models[0]?.name ?? EMPTY.model };
}

/** Save and leave the project, unless one is asked for meanwhile. */
export async function close(): Promise<void> {
  const turn = ++turns;
  await saver.peek()?.flush();
  if (turn === turns) leave();
}

/** Leave the project. What could not be saved is kept by this browser, and no longer sent: it is of this project alone. */
function leave(): void {
  saver.peek()?.reset(tag);
  projectId.value = null;
  doc.value = null;
  clip.value = null;
  takes.value = [];
  chosenTake.value = null;
  saver.value = null;
  forget();
  dismissOffers();
}

/** Send what waits, so that what follows on the server sees it; returns the project. Throws if that cannot be done. */
export async function saveNow(): Promise<string> {
  const id = projectId.peek();
  await saver.peek()?.flush();
  if (!id || projectId.peek() !== id) throw new Error("Another project was opened; nothing was started");
  if (saveState.value !== "saved") throw new Error("The project could not be saved; nothing was started");
  return id;
}

/** Take the server's document in place of one's own. */
export async function loadTheirs(): Promise<void> {
  const id = projectId.value!;
  const { value, etag } = await api.project(id);
  if (projectId.value !== id) return;
  tag = etag;
  saver.value!.reset(etag);
  drop(`vera:unsaved:${value.id}`);
  forget();
  saved = docOf(value);
  doc.value = saved;
}

/** Save one's own document over the server's. */
export async function keepMine(): Promise<void> {
  const id = projectId.value!;
  const { etag } = await api.project(id);
  if (projectId.value !== id) return;
  tag = etag;
  saver.value!.reset(etag);
  saver.value!.save(doc.value!);
}

/** Read the takes again. An answer that a later one has overtaken is not shown. */
export async function readTakes(): Promise<void> {
  const id = projectId.peek();
  if (!id) return;
  const read = ++reads;
  const made = await api.takes(id);
  if (projectId.peek() !== id || read < shown) return;
  shown = read;
  takes.value = made;
}

/** Read the clip again, whose proxy has changed its state. */
export async function readClip(): Promise<void> {
  const id = clip.peek()?.id;
  if (!id) return;
  const found = await api.clip(id);
  if (clip.peek()?.id === id) clip.value = found; // else another project was opened meanwhile
}

function saverOf(id: string, etag: string): Saver<Doc> {
  let told = 0; // the line that says why it is not saved
  return makeSaver<Doc>({
    etag,
    write: async (value, base) => {
      const answer = await api.changeProject(id, changesOf(value), base);
      tag = answer.etag;
      dismiss(told);
      if (doc.peek() === value) drop(`vera:unsaved:${id}`);
      else keep(id, doc.peek() ?? value);
      return tag;
    },
    onConflict: () => undefined, // the page shows a line that asks
    onError: (error) => void (told = say(`Not saved yet: ${error instanceof Error ? error.message : String(error)}`, "error")),
  });
}

function keep(id: string, now: Doc): void {
  store(`vera:unsaved:${id}`, { etag: tag, doc: now });
}
