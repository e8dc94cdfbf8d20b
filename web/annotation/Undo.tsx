// Steps back and on, of what was pointed at or painted.
import type { Key } from "./keys";
import { act, draft } from "./task";

const undo = () => void act({ kind: "undo" });
const redo = () => void act({ kind: "redo" });

export const UNDO: Key[] = [
  { key: "z", what: "Undo", held: true, act: undo },
  { key: "shift+z", shown: "Shift Z", what: "Redo", held: true, act: redo },
];

export function Undo() {
  return (
    <>
      <button onClick={undo} disabled={!draft.value?.can_undo}>
        Undo <kbd>Z</kbd>
      </button>
      <button onClick={redo} disabled={!draft.value?.can_redo}>
        Redo
      </button>
    </>
  );
}
