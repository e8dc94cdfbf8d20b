import { NEUTRAL, fieldValue, fromSlider, onGrid, toSlider, type NumberField as Field } from "../state/adjustment";
import { closeStep } from "../state/history";
import { sliding } from "../state/view";
import { isTyping } from "../../shared/typing";
import { numberOf, Typed } from "./Typed";

const STANDS = 1000; // of a slider
// Keys move by the field's own steps: a slider's stands are coarser or finer than these.
const STEPS: Record<string, number> = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** A slider and a number; a double click beside the number, or Delete on the slider, sets it to neutral. */
export function NumberField({ field, value, onChange }: { field: Field; value: number; onChange(value: number): void }) {
  const neutral = fieldValue(NEUTRAL, field);
  const reset = () => {
    onChange(neutral);
    closeStep();
  };
  const hold = (held: boolean) => () => {
    sliding.value = held;
    if (!held) closeStep();
  };
  return (
    <div
      class={value === neutral ? "field" : "field set"}
      onDblClick={({ target }) => !isTyping(target) && reset()}
      title={`${field.label}: double-click to reset`}
    >
      <span class="name">{field.label}</span>
      <input
        type="range"
        min={0}
        max={STANDS}
        value={Math.round(toSlider(field, value) * STANDS)}
        aria-label={field.label}
        aria-valuetext={`${value}${field.unit && ` ${field.unit}`}`}
        onInput={(event) => onChange(fromSlider(field, event.currentTarget.valueAsNumber / STANDS))}
        onPointerDown={hold(true)}
        onPointerUp={hold(false)}
        onPointerCancel={hold(false)}
        onChange={() => closeStep()}
        onKeyDown={(event) => {
          const steps = STEPS[event.key];
          if (event.key === "Delete" || event.key === "Backspace") reset();
          else if (steps) onChange(onGrid(field, value + steps * field.step));
          else return;
          event.preventDefault();
        }}
      />
      <Typed
        min={field.low}
        max={field.high}
        step={field.step}
        value={value}
        aria-label={`${field.label}, number`}
        onTyped={(text) => onChange(numberOf(text) ?? value)}
      />
    </div>
  );
}
