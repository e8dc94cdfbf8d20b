import { useSignal } from "@preact/signals";
import * as api from "../api/client";
import type { Job } from "../api/types";
import { takeJob } from "../state/jobs";
import { guard } from "../state/notices";
import { numberOf, Typed } from "../parts/Typed";

/** Change a waiting take: its instruction, seed and steps. */
export function Rewrite({ job, onDone }: { job: Job; onDone(): void }) {
  const spec = useSignal({ ...job.spec });
  const set = (name: string, value: unknown) => void (spec.value = { ...spec.value, [name]: value });
  async function save(): Promise<void> {
    takeJob(await api.changeJob(job.id, { spec: spec.value }));
    onDone();
  }
  return (
    <form
      class="rewrite"
      onSubmit={(event) => {
        event.preventDefault();
        void guard(save);
      }}
    >
      <label class="stacked">
        <span>Instruction</span>
        <textarea
          rows={2}
          maxLength={2000}
          value={String(spec.value.instruction ?? "")}
          onInput={({ currentTarget: { value } }) => set("instruction", value)}
        />
      </label>
      <label>
        Seed <Typed min={0} value={Number(spec.value.seed ?? 0)} onTyped={(text) => set("seed", numberOf(text) ?? spec.value.seed)} />
      </label>
      <label>
        Steps{" "}
        <Typed
          min={1}
          max={200}
          value={(spec.value.steps as number | null) ?? ""}
          placeholder="model's own"
          onTyped={(text) => set("steps", numberOf(text))}
        />
      </label>
      <button class="main">Save</button>
      <button type="button" onClick={onDone}>
        Leave it
      </button>
    </form>
  );
}
