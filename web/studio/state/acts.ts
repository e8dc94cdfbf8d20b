/** What a user does with takes and the queue. Each throws an Error of one line. */

import * as api from "../api/client";
import type { Take } from "../api/types";
import { maskPicture } from "../editor/mask_picture";
import { size } from "../parts/size";
import { withTake, withoutLayer, type Doc } from "./doc";
import { form, formOfManifest, formOfTake, requestOf, requestOfTake, type Form } from "./form";
import { change, forget, record } from "./history";
import { takeJob } from "./jobs";
import { dismissOffers, say } from "./notices";
import { once } from "./once";
import { about, chosenTake, clip, doc, projectId, readTakes, saveNow, selected, takeById } from "./session";

/** Change the document as one step. */
export function edit(make: (doc: Doc) => Doc, label: string, key?: string): void {
  change(doc, make(doc.value!), label, key);
}

/** Change the form as one step. */
export function ask(changes: Partial<Form>, label: string, key?: string): void {
  change(form, { ...form.value, ...changes }, label, key);
}

/** Queue the takes that the form asks for. */
export const generate = () => once(`generate ${projectId.value} ${JSON.stringify(form.value)}`, askForTakes);

async function askForTakes(): Promise<void> {
  const [id, source, asked] = [projectId.value!, clip.value!, form.value];
  requestOf(asked, source.frames, null); // refuse before a mask is sent
  const made = await api.makeTakes(id, requestOf(asked, source.frames, await maskOf(asked)));
  if (projectId.value === id) chosenTake.value = made[0]?.id ?? chosenTake.value;
  await readTakes();
}

async function maskOf({ mask }: Form): Promise<string | null> {
  if (mask.kind === "none") return null;
  if (mask.kind === "sent") return mask.id;
  const { width, height } = clip.value!;
  return (await api.sendMask(projectId.value!, await maskPicture(mask.strokes, width, height))).mask;
}

/** Send a picture as the mask. */
export async function chooseMask(file: File): Promise<void> {
  const id = projectId.value!;
  const { mask } = await api.sendMask(id, file);
  if (projectId.value === id) ask({ mask: { kind: "sent", id: mask, name: file.name } }, "Choose a mask");
}

/** Lay a take over the others. */
export function layTake(take: Take): void {
  edit((now) => withTake(now, take.id), "Add a layer");
  selected.value = doc.value!.layers.length - 1;
}

/** Take the layer at an index out of the stack. */
export function removeLayer(index: number): void {
  edit((now) => withoutLayer(now, index), "Remove a layer");
}

/** Stop a take and ask for the same with the next seed. */
export const nextSeed = (take: Take) => once(`next seed ${take.id}`, () => askForNext(take));

async function askForNext(take: Take): Promise<void> {
  if (take.kind !== "edit") throw new Error("A layerized clip has no seed");
  if (take.state === "queued" || take.state === "running") await cancelTake(take);
  const used = [...takeById.value.values()].filter((other) => other.instruction === take.instruction).map(({ seed }) => seed ?? 0);
  const [made] = await api.makeTakes(take.project, requestOfTake(take, Math.max(...used) + 1));
  if (projectId.value === take.project) chosenTake.value = made?.id ?? null;
  await readTakes();
}

/** Stop a take. */
export async function cancelTake(take: Take): Promise<void> {
  if (take.job) takeJob(await api.changeJob(take.job, { cancel: true }));
}

/** Move a take to the bin. */
export async function binTake(take: Take): Promise<void> {
  await putAway(take);
  record({ label: "Delete a take", redo: () => putAway(take), undo: () => putBack(take) });
  say("The take is in the bin", "info", { label: "Undo", run: () => restoreTake(take) });
}

/** Take a take out of the bin. */
export async function restoreTake(take: Take): Promise<void> {
  await putBack(take);
  record({ label: "Restore a take", redo: () => putBack(take), undo: () => putAway(take) });
}

/** Delete what is in the bin; steps before that would need what is gone. */
export async function emptyBin(): Promise<void> {
  const id = await saveNow(); // what this page took out of the stack is no layer any more
  const { deleted, bytes, kept } = await api.emptyBin(id);
  if (projectId.value === id) {
    forget();
    dismissOffers();
  }
  await readTakes();
  say(`${deleted} ${deleted === 1 ? "take is" : "takes are"} deleted, ${size(bytes)} are free`);
  for (const { take, why } of kept) say(`${takeById.value.get(take)?.instruction || "A take"} stays in the bin: ${why}`);
}

async function putAway(take: Take): Promise<void> {
  await api.binTake(take.id);
  await readTakes();
}

async function putBack(take: Take): Promise<void> {
  await api.restoreTake(take.id);
  await readTakes();
}

/** Fill the form with what a take was asked with. */
export function askAgain(take: Take): void {
  change(form, formOfTake(take), "Use a take's settings");
}

/** Fill the form with what a manifest tells. */
export async function readManifest(file: File): Promise<void> {
  const { models = [], loras = [] } = about.value ?? {};
  const found = formOfManifest(await file.text(), file.name, models);
  const known = new Set(loras.map(({ name }) => name));
  change(form, { ...found, lora: found.lora.filter(({ name }) => known.has(name)) }, "Read settings");
  say(`Settings of ${file.name} are in the form`);
  for (const { name } of found.lora) {
    if (!known.has(name)) say(`${name}: is none of this studio's LoRAs; name it by --lora when the studio is started`, "error");
  }
}
