import { FrameRange } from "../parts/FrameRange";
import { numberOf, Typed } from "../parts/Typed";
import type { Adjustment } from "../api/types";
import { clip } from "../state/session";
import { brush, toggleTool, tool, type Brush } from "../state/tools";
import { Mode } from "./WhereFields";

/** The brush that paints a layer's matte. Strokes are data of the layer, each a step that can be undone. */
export function Paint({ adjustment, onChange }: { adjustment: Adjustment; onChange(adjustment: Adjustment, label: string): void }) {
  const count = adjustment.paint.length;
  return (
    <section class="strokes brushes" aria-label="Matte paint">
      <h2>
        Matte paint
        <span class="mono quiet">
          {count} {count === 1 ? "stroke" : "strokes"}
        </span>
        <button
          class="plain"
          title="Remove the last stroke"
          disabled={!count}
          onClick={() => onChange({ ...adjustment, paint: adjustment.paint.slice(0, -1) }, "Remove the last stroke")}
        >
          Remove
        </button>
        <button class="plain" disabled={!count} onClick={() => onChange({ ...adjustment, paint: [] }, "Clear the paint")}>
          Clear
        </button>
      </h2>
      <div class="row">
        <button aria-pressed={tool.value === "paint"} onClick={() => toggleTool("paint")} title="Key B">
          Brush
        </button>
        <Mode name="add" label="Add" />
        <Mode name="subtract" label="Erase" />
      </div>
      <Setting name="radius" label="Size" low={1} high={400} step={1} hint="[ and ]" />
      <Setting name="softness" label="Softness" low={0} high={1} step={0.01} />
      <Setting name="value" label="Value" low={0} high={1} step={0.01} />
      <FrameRange
        label="Strokes on"
        range={brush.value.range}
        count={clip.value!.frames}
        onChange={(range) => void (brush.value = { ...brush.value, range })}
      />
    </section>
  );
}

interface SettingProps {
  name: "radius" | "softness" | "value";
  label: string;
  low: number;
  high: number;
  step: number;
  hint?: string;
}

function Setting({ name, label, low, high, step, hint = "" }: SettingProps) {
  const set = (value: number) => {
    brush.value = { ...brush.value, [name]: Math.min(high, Math.max(low, value)) } as Brush;
  };
  const shared = { min: low, max: high, step, value: brush.value[name] };
  return (
    <div class="field" title={hint}>
      <span class="name">{label}</span>
      <input type="range" {...shared} aria-label={`Brush ${name}`} onInput={({ currentTarget }) => set(currentTarget.valueAsNumber)} />
      <Typed {...shared} aria-label={`Brush ${name}, number`} onTyped={(text) => set(numberOf(text) ?? brush.value[name])} />
    </div>
  );
}
