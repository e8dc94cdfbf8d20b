import type { Region } from "../api/types";
import { FrameRange } from "../parts/FrameRange";
import { numberOf, Typed } from "../parts/Typed";
import { ask, chooseMask, generate } from "../state/acts";
import { duration, secondsPerFrame } from "../state/estimate";
import { form, framesOf } from "../state/form";
import { jobs, paused, workers } from "../state/jobs";
import { guard, say } from "../state/notices";
import { parseSeeds } from "../state/seeds";
import { about, clip } from "../state/session";
import { brush, resizeBrush, toggleTool, tool } from "../state/tools";
import { viewer } from "../state/view";

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
          onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void guard(generate)}
        />
      </label>
      <RegionField />
      <MaskField />
      <Frames />
      <ModelFields />
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

function RegionField() {
  const { region } = form.value;
  const set = (part: number, value: number) =>
    region && ask({ region: region.map((one, i) => (i === part ? Math.max(0, Math.round(value)) : one)) as Region }, "Change the region");
  const { width, height } = clip.value!;
  const middle: Region = [Math.round(width / 4), Math.round(height / 4), Math.round(width / 2), Math.round(height / 2)];
  return (
    <fieldset>
      <legend>Region</legend>
      <div class="row">
        <button class="brushes" aria-pressed={tool.value === "region"} onClick={() => toggleTool("region")} title="Key R">
          Draw on frame
        </button>
        {region ? (
          <button onClick={() => ask({ region: null }, "Clear the region")}>
            Whole frame
          </button>
        ) : (
          <button onClick={() => ask({ region: middle }, "Set a region")}>
            Set by numbers
          </button>
        )}
      </div>
      {region && (
        <div class="quad">
          {["X", "Y", "W", "H"].map((name, part) => (
            <label key={name}>
              {name}
              <Typed
                min={part < 2 ? 0 : 8}
                max={part % 2 ? height : width}
                value={region[part]!}
                aria-label={`Region ${name}`}
                onTyped={(text) => set(part, numberOf(text) ?? region[part]!)}
              />
            </label>
          ))}
        </div>
      )}
    </fieldset>
  );
}

function MaskField() {
  const { mask } = form.value;
  const drawing = tool.value === "mask";
  return (
    <fieldset>
      <legend>Mask of what to keep</legend>
      <div class="row">
        <button class="brushes" aria-pressed={drawing} onClick={() => toggleTool("mask")}>
          Draw on frame
        </button>
        <label class="button">
          Choose PNG
          <input
            class="sr"
            type="file"
            accept="image/png"
            onChange={({ currentTarget: input }) => {
              const file = input.files?.[0];
              input.value = "";
              if (file) void guard(() => chooseMask(file));
            }}
          />
        </label>
        {mask.kind !== "none" && (
          <button onClick={() => ask({ mask: { kind: "none" } }, "Clear the mask")}>
            Clear
          </button>
        )}
      </div>
      {mask.kind === "sent" && <p class="quiet">{mask.name}</p>}
      {mask.kind === "drawn" && <p class="quiet">Drawn, {mask.strokes.length} strokes. What is painted is kept.</p>}
      {drawing && (
        <div class="row brushes">
          <Mode name="add" label="Add" />
          <Mode name="subtract" label="Erase" />
          <button aria-label="Smaller brush" onClick={() => resizeBrush(false)}>
            [
          </button>
          <span class="mono">{brush.value.radius} px</span>
          <button aria-label="Larger brush" onClick={() => resizeBrush(true)}>
            ]
          </button>
        </div>
      )}
    </fieldset>
  );
}

/** A choice of the brush's mode. */
export function Mode({ name, label }: { name: "add" | "subtract"; label: string }) {
  return (
    <button aria-pressed={brush.value.mode === name} onClick={() => void (brush.value = { ...brush.value, mode: name })}>
      {label}
    </button>
  );
}

function Frames() {
  const asked = form.value;
  const { frames } = clip.value!;
  const [first, last] = [viewer.value?.inPoint.value ?? null, viewer.value?.outPoint.value ?? null];
  return (
    <fieldset>
      <legend>Frames</legend>
      <FrameRange
        label="Range"
        range={[asked.first, asked.last]}
        count={frames}
        onChange={([first, last]) => ask({ first, last }, "Change the range")}
      />
      <div class="row">
        <button
          title="I and O set them"
          onClick={() => (first === null && last === null ? say("Set in and out on the strip first, with I and O") : ask({ first, last }, "Use in and out"))}
        >
          Use in and out
        </button>
      </div>
    </fieldset>
  );
}

function ModelFields() {
  const asked = form.value;
  const models = about.value?.models ?? [];
  const model = models.find(({ name }) => name === asked.model);
  const number = (name: "steps" | "guidance", label: string, step: number, most: number) => (
    <label class="line">
      <span>{label}</span>
      <Typed
        min={step}
        max={most}
        step={step}
        value={asked[name] ?? ""}
        placeholder={String(model?.[name] ?? "model's own")}
        onTyped={(text) => ask({ [name]: numberOf(text) }, `Change ${name}`)}
      />
    </label>
  );
  return (
    <fieldset>
      <legend>Model</legend>
      <label class="line">
        <span>Model</span>
        <select value={asked.model} onChange={({ currentTarget: { value } }) => ask({ model: value }, "Choose a model")}>
          {models.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {model?.quality && <label class="line">
        <span>Quality</span>
        <select
          value={asked.quality ? "best" : "fast"}
          onChange={({ currentTarget: { value } }) => ask({ quality: value === "best" }, "Choose the quality")}
        >
          <option value="fast">Fast</option>
          <option value="best">Best, more steps</option>
        </select>
      </label>}
      {number("steps", "Steps", 1, 200)}
      {number("guidance", "Guidance", 0.1, 30)}
      <label class="line">
        <span>Seeds</span>
        <Typed type="text" value={asked.seeds} onTyped={(seeds) => ask({ seeds }, "Change the seeds")} />
      </label>
    </fieldset>
  );
}
