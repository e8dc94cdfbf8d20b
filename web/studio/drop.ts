/** Files that are dropped on the page: footage, a layer folder or its manifest. */

import { readManifest } from "./state/acts";
import { say, guard } from "./state/notices";
import { route } from "./state/route";
import { layerizeFile } from "./editor/Layerize";
import { beginWith } from "./pages/Start";

const MANIFEST = "manifest.json";

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
    void guard(async () => take(entry?.isDirectory ? await manifestIn(entry as FileSystemDirectoryEntry) : file));
  });
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

async function manifestIn(folder: FileSystemDirectoryEntry): Promise<File> {
  const entry = await new Promise<FileSystemEntry | null>((resolve) => folder.getFile(MANIFEST, {}, resolve, () => resolve(null)));
  if (!entry) throw new Error(`${folder.name}: has no ${MANIFEST}, so it is not a layer folder`);
  return new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
}
