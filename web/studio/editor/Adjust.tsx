import { NumberField } from "../parts/NumberField";
import { FrameRange } from "../parts/FrameRange";
import type { Adjustment, BlendMode } from "../api/types";
import { edit } from "../state/acts";
import { BLEND_MODES, NEUTRAL, fieldValue, numberFields, withField, type NumberField as Field } from "../state/adjustment";
import { withLayer } from "../state/doc";
import { clip, layer, selected } from "../state/session";
import { toggleTool, tool } from "../state/tools";
import { Paint } from "./Paint";

/** Every adjustment of the chosen layer. */
export function Adjust() {
  const chosen = layer.value;
  if (!chosen) return null;
  const { adjustment } = chosen;
  const { width, height, frames } = clip.value!;
  const fields = numberFields(width, height);
  const show = (field: Field) => (
    <NumberField
      key={field.label}
      field={field}
      value={fieldValue(adjustment, field)}
      onChange={(value) => adjust(withField(adjustment, field, value), field.label, `${selected.value} ${field.label}`)}
    />
  );
  return (
    <section class="adjust" aria-label="Adjustments">
      <h2>
        Adjust
        <button class="plain" onClick={() => adjust({ ...NEUTRAL, paint: adjustment.paint }, "Reset the layer")}>
          Reset
        </button>
        <button
          class="brushes"
          aria-pressed={tool.value === "move"}
          title="Key V: drag the layer on the frame"
          onClick={() => toggleTool("move")}
        >
          Move
        </button>
      </h2>
      {fields.slice(0, 1).map(show)}
      <label class="field">
        <span class="name">Blend</span>
        <select
          value={adjustment.blend}
          onChange={({ currentTarget: { value } }) => adjust({ ...adjustment, blend: value as BlendMode }, "Blend mode")}
        >
          {BLEND_MODES.map((mode) => (
            <option key={mode}>{mode}</option>
          ))}
        </select>
      </label>
      {fields.slice(1).map(show)}
      <FrameRange
        label="Frames"
        range={adjustment.range}
        count={frames}
        onChange={(range) => adjust({ ...adjustment, range }, "Layer's frames")}
      />
      <Paint adjustment={adjustment} onChange={adjust} />
    </section>
  );
}

function adjust(adjustment: Adjustment, label: string, key?: string): void {
  edit((now) => withLayer(now, selected.value, { adjustment }), label, key);
}
