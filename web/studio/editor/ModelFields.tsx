import { numberOf, Typed } from "../parts/Typed";
import { ask } from "../state/acts";
import { form } from "../state/form";
import { about } from "../state/session";

/** Which model, how hard it works, and the seeds. */
export function ModelFields() {
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
