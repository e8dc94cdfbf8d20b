import { ask, generate } from "../state/acts";
import { duration, secondsPerFrame } from "../state/estimate";
import { form, framesOf } from "../state/form";
import { jobs, paused, workers } from "../state/jobs";
import { guard } from "../state/notices";
import { parseSeeds } from "../state/seeds";
import { clip } from "../state/session";
import { Colors } from "./Colors";
import { Loras } from "./Loras";
import { ModelFields } from "./ModelFields";
import { Frames, MaskField, RegionField } from "./WhereFields";

/** What to change, where, when and how: the form that takes are asked with. */
export function Ask() {
  const asked = form.value;
  return (
    <section class="panel ask" aria-label="New takes">
      <label class="stacked">
        <span>Instruction</span>
        <textarea
          id="instruction"
          rows={4}
          maxLength={2000}
          placeholder="Add a red balloon on the right"
          value={asked.instruction}
          onInput={({ currentTarget: { value } }) => ask({ instruction: value }, "Write the instruction", "instruction")}
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat && void guard(generate)}
        />
      </label>
      <RegionField />
      <MaskField />
      <Frames />
      <ModelFields />
      <Loras />
      <Colors />
      <div class="go">
        <button class="main" title="Ctrl+Enter" onClick={() => void guard(generate)}>
          Generate
        </button>
        <p class="quiet">{estimate()}</p>
      </div>
      <QueueState />
    </section>
  );
}

function estimate(): string {
  const asked = form.value;
  const rate = secondsPerFrame([...jobs.value.values()], asked, clip.value!);
  const [frames, seeds] = [framesOf(asked, clip.value!.frames), countSeeds(asked.seeds)];
  if (!seeds) return "Seeds are whole numbers such as 3, 0-4 or 1, 5";
  const what = `${seeds} ${seeds === 1 ? "take" : "takes"} of ${frames} ${frames === 1 ? "frame" : "frames"}`;
  return rate === null ? `${what}. The first finished take tells how long.` : `${what}, about ${duration(rate * frames * seeds)}`;
}

function countSeeds(text: string): number {
  try {
    return parseSeeds(text).length;
  } catch {
    return 0;
  }
}

function QueueState() {
  if (paused.value) return <p class="warn">The queue is paused: takes wait until it goes on.</p>;
  if (!workers.value) return <p class="warn">No worker is connected: takes wait until one is.</p>;
  return null;
}
