import { useRef } from "preact/hooks";
import * as api from "../api/client";
import { send } from "../api/upload";
import type { Footage } from "../api/types";
import { guard, whileBusy } from "../state/notices";
import { once } from "../state/once";
import { goTo } from "../state/route";
import { about } from "../state/session";
import { Folders, type Found } from "./Folders";
import { Projects } from "./Projects";

/** Open footage as a new project and show it. */
export const begin = (footage: Partial<Footage>) => once(`begin ${JSON.stringify(footage)}`, () => beginNow(footage));

async function beginNow(footage: Partial<Footage>): Promise<void> {
  const { id } = await whileBusy("Opening the clip", async () => api.makeProject((await api.openClip(footage)).id));
  goTo({ page: "edit", project: id });
}

/** Send a file and open it as a new project. */
export async function beginWith(file: File): Promise<void> {
  await begin({ upload: await send(file) });
}

/** The first page: what Vera does, and the ways to begin. */
export function Start() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="start">
      <section>
        <h1>Edit a video in layers</h1>
        <p>
          Say what to change. Vera draws an edit layer and its matte and lays them over your footage. Where no layer lies, every sample
          of the result is the source's own, and you can have that counted.
        </p>
        <ol class="steps">
          <li>Open a clip. It stays where it is and is never written to.</li>
          <li>Write an instruction and generate a few takes.</li>
          <li>Lay the best one over the source; adjust and paint its matte.</li>
          <li>Verify, then render a master or export the layers.</li>
        </ol>
        <div class="drop">
          <p>Drop a video here</p>
          <div class="row">
            <button class="main" onClick={() => input.current!.click()}>
              Choose a file
            </button>
            {about.value?.demo && <button onClick={() => void guard(() => begin({ demo: true }))}>Open the demo clip</button>}
          </div>
          <input
            ref={input}
            class="sr"
            type="file"
            accept="video/*,.mkv,.mov,.mxf"
            tabIndex={-1}
            aria-label="A video to edit"
            onChange={({ currentTarget: chosen }) => {
              const file = chosen.files?.[0];
              chosen.value = ""; // the same one may be chosen again
              if (file) void guard(() => beginWith(file));
            }}
          />
        </div>
      </section>
      <div class="columns">
        <Projects />
        <OnThisMachine />
      </div>
    </div>
  );
}

function OnThisMachine() {
  if (!about.value?.roots.length) return null;
  return (
    <section aria-label="Folders">
      <h2>On this machine</h2>
      <Folders kinds={["clip", "sequence", "layers", "project"]} onOpen={open} />
    </section>
  );
}

/** Open what was found in a folder: footage as a new project, layers or a project with the clip that lies there. */
async function open({ root, entry, rate }: Found): Promise<void> {
  const { inside, kind } = entry;
  if (kind !== "layers" && kind !== "project") return begin({ root, inside, ...(rate && { rate }) });
  await once(`open ${root} ${inside}`, async () => {
    const { id } = await whileBusy("Opening the layers", () => api.openProject(root, inside));
    goTo({ page: "edit", project: id });
  });
}
