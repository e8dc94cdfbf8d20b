/** Files that are dropped on the page: footage, a layer folder or its manifest. */

import { readManifest } from "./state/acts";
import { bringFiles, type Filed } from "./state/bringing";
import { say, guard } from "./state/notices";
import { route } from "./state/route";
import { layerizeFile } from "./editor/Layerize";
import { beginWith } from "./pages/Start";

const MOST = 1000; // files of a folder that is dropped

/** Take files that are dropped anywhere on the page. */
export function followDrops(): void {
  addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    const { files, items } = event.dataTransfer ?? {};
    if (!files?.length || event.defaultPrevented) return;
    event.preventDefault();
    const entry = items?.[0]?.webkitGetAsEntry?.() ?? null; // to be asked before anything is awaited
    const file = files[0]!;
    void guard(() => (entry?.isDirectory ? takeFolder(entry as FileSystemDirectoryEntry) : take(file)));
  });
}

/** Bring in a layer folder or a project, and offer the settings of the first. */
async function takeFolder(folder: FileSystemDirectoryEntry): Promise<void> {
  if (route.value.page !== "edit") throw new Error("Open the clip first; then drop the folder of its layers");
  const files = await filesIn(folder);
  await bringFiles(files);
  const manifest = files.find(({ path }) => path === `${folder.name}/manifest.json`);
  if (manifest) say(`${folder.name} becomes a take`, "info", { label: "Use its settings", run: () => readManifest(manifest.file) });
}

/** Use a file by what it is and where it was dropped. */
export async function take(file: File): Promise<void> {
  const editing = route.value.page === "edit";
  if (file.name.endsWith(".json")) {
    if (!editing) throw new Error("Open a project first; then drop a layer folder or its manifest to get its settings");
    await readManifest(file);
  } else if (editing) {
    offer(file);
  } else {
    await beginWith(file);
  }
}

function offer(file: File): void {
  const text = `${file.name}: a finished edit of this clip becomes a layer`;
  say(text, "info", { label: "Layerize", run: () => layerizeFile(file) });
  say(`${file.name}: or edit it as a clip of its own`, "info", { label: "New project", run: () => beginWith(file) });
}

/** The files of a folder that is dropped, and of the folders in it, with their paths from its name on. */
async function filesIn(folder: FileSystemDirectoryEntry, depth = 2): Promise<Filed[]> {
  const found: Filed[] = [];
  for (const entry of await entriesOf(folder)) {
    const path = entry.fullPath.replace(/^\//, "");
    if (entry.isFile) found.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
    else if (depth > 1) found.push(...(await filesIn(entry as FileSystemDirectoryEntry, depth - 1)));
  }
  return found;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (all.length < MOST) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some); // a browser gives a hundred at a time
  }
  throw new Error(`${folder.name}: has more than ${MOST} files, so it is not a layer folder`);
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
