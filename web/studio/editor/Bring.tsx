import { useRef } from "preact/hooks";
import { Folders, type Found } from "../pages/Folders";
import { bringFiles, bringRoot } from "../state/bringing";
import { guard } from "../state/notices";
import { about } from "../state/session";

/** Make takes of layers that were made elsewhere: of a folder that is sent, or of one on this machine. */
export function Bring() {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const open = async ({ root, entry }: Found) => {
    await bringRoot(root, entry.inside);
    dialog.current!.close();
  };
  return (
    <>
      <button class="plain" title="Layers of this clip that vera edit or vera layerize wrote" onClick={() => dialog.current!.showModal()}>
        Bring in layers
      </button>
      <dialog ref={dialog} class="words" aria-label="Bring in layers">
        <h2>Bring in layers</h2>
        <p class="quiet">
          A layer folder of this clip becomes a take. A folder with a project.json brings its layers, adjusted as they were. You can
          also drop the folder on the page.
        </p>
        <button class="main" onClick={() => input.current!.click()}>
          Choose a folder
        </button>
        <input
          ref={input}
          class="sr"
          type="file"
          {...{ webkitdirectory: true }}
          tabIndex={-1}
          aria-label="A layer folder"
          onChange={({ currentTarget }) => {
            const files = [...(currentTarget.files ?? [])];
            currentTarget.value = "";
            dialog.current!.close();
            void guard(() => bringFiles(files.map((file) => ({ path: file.webkitRelativePath, file }))));
          }}
        />
        {!!about.value?.roots.length && <h3>On this machine</h3>}
        <Folders kinds={["layers"]} onOpen={open} />
        <form method="dialog">
          <button>Close</button>
        </form>
      </dialog>
    </>
  );
}
