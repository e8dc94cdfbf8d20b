import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api/client";
import type { Display, Lut } from "../api/types";
import { send } from "../api/upload";
import { FileButton } from "../parts/FileButton";
import { Typed } from "../parts/Typed";
import { edit } from "../state/acts";
import { guard } from "../state/notices";
import { doc, projectId } from "../state/session";
import { tableOf } from "../state/table";

const TAGS: Display = { lut: null, ocio: null };

/** Show the clip so once the server has tried it: what is in the document can be saved. */
async function show(display: Display): Promise<void> {
  const id = projectId.peek();
  await tableOf(display);
  if (projectId.peek() === id) edit((now) => ({ ...now, display }), "Change how the clip is shown");
}

/** What shows the clip in BT.709, to whoever looks and to models: its tags, or for log footage a LUT or a colour space. */
export function Colors() {
  const { lut = null, ocio = null } = doc.value!.display;
  const luts = useSignal<Lut[]>([]);
  const spaces = useSignal<string[]>([]);
  const by = useSignal<"tags" | "lut" | "ocio">(lut ? "lut" : ocio ? "ocio" : "tags");
  const shown = lut ? "lut" : ocio ? "ocio" : by.value;
  useEffect(() => void guard(async () => void (luts.value = await api.luts(projectId.value!))), [projectId.value]);
  useEffect(() => {
    if (shown === "ocio" && !spaces.value.length) void guard(async () => void (spaces.value = await api.spaces()));
  }, [shown]);

  function choose(next: string): void {
    by.value = next as typeof by.value;
    if (lut ?? ocio) void guard(() => show(TAGS));
  }
  async function add(file: File): Promise<void> {
    const id = projectId.value!;
    const made = await api.addLut(id, await send(file));
    if (projectId.value !== id) return;
    luts.value = [...luts.value, made];
    await show({ lut: made.lut, ocio: null });
  }

  return (
    <fieldset>
      <legend>Colours of the clip</legend>
      <label class="line">
        <span>Shown by</span>
        <select value={shown} onChange={({ currentTarget: { value } }) => choose(value)}>
          <option value="tags">Its tags</option>
          <option value="lut">A LUT</option>
          <option value="ocio">OpenColorIO</option>
        </select>
      </label>
      {shown === "lut" && <LutField chosen={lut} luts={luts.value} onAdd={add} />}
      {shown === "ocio" && <SpaceField chosen={ocio} spaces={spaces.value} />}
      {shown !== "tags" && <p class="quiet">For log footage: how it looks in BT.709. Results keep the clip's own colours.</p>}
    </fieldset>
  );
}

function LutField({ chosen, luts, onAdd }: { chosen: string | null; luts: readonly Lut[]; onAdd(file: File): Promise<void> }) {
  return (
    <div class="row">
      {!!luts.length && (
        <select
          aria-label="LUT"
          value={chosen ?? ""}
          onChange={({ currentTarget: { value } }) => void guard(() => show({ lut: value || null, ocio: null }))}
        >
          <option value="">Choose</option>
          {luts.map(({ lut, name }) => (
            <option key={lut} value={lut}>
              {name}
            </option>
          ))}
        </select>
      )}
      <FileButton label="Send a .cube" accept=".cube" onChoose={onAdd} />
    </div>
  );
}

function SpaceField({ chosen, spaces }: { chosen: string | null; spaces: readonly string[] }) {
  return (
    <>
      <label class="line">
        <span>Colour space</span>
        <Typed
          type="text"
          list="spaces"
          placeholder="ARRI LogC4"
          maxLength={200}
          value={chosen ?? ""}
          onTyped={(text) => void guard(() => show({ lut: null, ocio: text.trim() || null }))}
        />
      </label>
      <datalist id="spaces">
        {spaces.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
