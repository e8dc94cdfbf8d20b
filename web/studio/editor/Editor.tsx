import { clip, doc } from "../state/session";
import { Adjust } from "./Adjust";
import { Ask } from "./Ask";
import { Stack } from "./Stack";
import { Stage } from "./Stage";
import { Takes } from "./Takes";
import { Verify } from "./Verify";
import { Transport } from "./Transport";

/** The editor: what to change on the left, the picture in the middle, the layers on the right, the takes below. */
export function Editor() {
  if (!clip.value || !doc.value) return <p class="quiet empty">Opening the project</p>;
  return (
    <div class="editor">
      <Ask />
      <div class="middle">
        <Stage />
        <Transport />
        <Takes />
      </div>
      <aside class="panel" aria-label="Layers and adjustments">
        <Verify />
        <Stack />
        <Adjust />
      </aside>
    </div>
  );
}
