import { numberOf, Typed } from "../parts/Typed";
import { ask } from "../state/acts";
import { form, type Form } from "../state/form";
import { about } from "../state/session";

const set = (lora: Form["lora"]) => ask({ lora }, "Change the LoRAs");

/** The LoRAs of the studio: which of them takes are made with, and how strongly. */
export function Loras() {
  const { lora } = form.value;
  const loras = about.value?.loras ?? [];
  if (!loras.length) return null;
  return (
    <fieldset>
      <legend>LoRA</legend>
      {loras.map(({ name, title }) => {
        const chosen = lora.find((one) => one.name === name);
        const others = lora.filter((one) => one.name !== name);
        return (
          <div class="line" key={name}>
            <label class="check" title={name}>
              <input
                type="checkbox"
                checked={!!chosen}
                onChange={({ currentTarget: { checked } }) => set(checked ? [...others, { name, scale: 1 }] : others)}
              />
              {title}
            </label>
            {chosen && (
              <Typed
                min={-100}
                max={100}
                step={0.1}
                value={chosen.scale}
                aria-label={`Scale of ${title}`}
                onTyped={(text) => set(lora.map((one) => (one === chosen ? { name, scale: scaleOf(text, one.scale) } : one)))}
              />
            )}
          </div>
        );
      })}
    </fieldset>
  );
}

const scaleOf = (text: string, before: number) => Math.min(100, Math.max(-100, numberOf(text) ?? before));
