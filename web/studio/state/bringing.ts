/** Layers that were made elsewhere, brought in: layer folders become takes, a project its layers as they are adjusted. */

import { effect } from "@preact/signals";
import * as api from "../api/client";
import type { LayerLine, Take } from "../api/types";
import { send } from "../api/upload";
import { edit } from "./acts";
import { layerOf } from "./doc";
import { say } from "./notices";
import { projectId, readTakes, takeById } from "./session";

/** A file of a folder, with its path from the folder's own name on. */
export interface Filed {
  path: string;
  file: File;
}

const FILES = ["manifest.json", "edit.mkv", "alpha.mkv"];
const PROJECT = "project.json";
const LONGEST = 16 * 2 ** 20; // bytes of a project file, as the server reads it

/** Bring in a layer folder below a root of this machine. */
export async function bringRoot(root: string, inside: string): Promise<void> {
  await api.bring(projectId.value!, { root, inside });
  await readTakes();
}

/** Bring in the files of a folder: a layer folder, or a project with its layers. Throws an Error of one line. */
export async function bringFiles(files: readonly Filed[]): Promise<void> {
  const id = projectId.value!; // what is sent may take minutes, and is for the project that is open now
  const [home] = files[0]?.path.split("/") ?? [];
  if (!home) throw new Error("The folder is empty");
  const project = files.find(({ path }) => path === `${home}/${PROJECT}`);
  if (project) return bringProject(id, home, project.file, files);
  await bringFolder(id, home, files);
}

/** The takes of a project's folders, and once they are done its layers over those that are there, as one step. */
async function bringProject(id: string, home: string, file: File, files: readonly Filed[]): Promise<void> {
  const lines = await readProject(file);
  const takes = new Map<string, string>();
  for (const folder of new Set(lines.map(({ folder }) => folder))) {
    takes.set(folder, (await bringFolder(id, `${home}/${folder}`, files)).id);
  }
  say(`The layers of ${home} are laid once their previews are made`);
  await whenDone(id, [...takes.values()]);
  const laid = lines.map(({ folder, ...line }) => layerOf({ ...line, take: takes.get(folder)! } as LayerLine));
  edit((now) => ({ ...now, layers: [...now.layers, ...laid] }), "Bring in a project");
}

type Line = Omit<LayerLine, "take"> & { folder: string };

async function readProject(file: File): Promise<Line[]> {
  if (file.size > LONGEST) throw new Error(`${file.name}: is too large to be a project`);
  let lines: unknown;
  try {
    lines = (JSON.parse(await file.text()) as { layers?: unknown }).layers;
  } catch {
    lines = null;
  }
  const isLine = (line: unknown): line is Line =>
    typeof line === "object" && line !== null && typeof (line as Partial<Line>).folder === "string";
  if (!Array.isArray(lines) || !lines.length || !lines.every(isLine)) throw new Error(`${file.name}: is no project with layers`);
  return lines;
}

async function bringFolder(id: string, folder: string, files: readonly Filed[]): Promise<Take> {
  const found = FILES.map((name) => files.find(({ path }) => path === `${folder}/${name}`)?.file);
  const missing = FILES.filter((_, i) => !found[i]);
  if (missing.length) throw new Error(`${folder}: has no ${missing[0]}, so it is not a layer folder`);
  const uploads: string[] = [];
  for (const file of found) uploads.push(await send(file!));
  const take = await api.bring(id, { uploads });
  await readTakes();
  return take;
}

/** Resolves once all these takes are done. Rejects with one line if one of them fails, or another project is opened. */
function whenDone(project: string, ids: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = effect(() => {
      const takes = ids.map((id) => takeById.value.get(id));
      const failed = takes.find((take) => take && ["failed", "cancelled"].includes(take.state));
      if (projectId.value !== project) reject(new Error("Another project was opened: the layers are among the takes of the first"));
      else if (failed) reject(new Error(failed.error ?? "A layer could not be brought in"));
      else if (takes.every((take) => take?.media)) resolve();
      else return;
      queueMicrotask(() => stop());
    });
  });
}
