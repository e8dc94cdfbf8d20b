import type { Region } from "../api/types";
import { FileButton } from "../parts/FileButton";
import { FrameRange } from "../parts/FrameRange";
import { numberOf, Typed } from "../parts/Typed";
import { LEAST, withPart } from "../state/region";
import { ask, chooseMask } from "../state/acts";
import { form } from "../state/form";
import { say } from "../state/notices";
import { clip } from "../state/session";
import { brush, resizeBrush, toggleTool, tool } from "../state/tools";
import { viewer } from "../state/view";

/** The part of the frame that the model sees, drawn or in numbers. */
export function RegionField() {
  const { region } = form.value;
  const { width, height } = clip.value!;
  const set = (part: number, value: number) => region && ask({ region: withPart(region, part, value, [width, height]) }, "Change the region");
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
                min={part < 2 ? 0 : LEAST}
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

/** What must stay, painted or a file. */
export function MaskField() {
  const { mask } = form.value;
  const drawing = tool.value === "mask";
  return (
    <fieldset>
      <legend>Mask of what to keep</legend>
      <div class="row">
        <button class="brushes" aria-pressed={drawing} onClick={() => toggleTool("mask")}>
          Draw on frame
        </button>
        <FileButton label="Choose PNG" accept="image/png" onChoose={chooseMask} />
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

/** Which frames are edited. */
export function Frames() {
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
          onClick={() => {
            if (first === null && last === null) say("Set in and out on the strip first, with I and O");
            else ask({ first, last }, "Use in and out");
          }}
        >
          Use in and out
        </button>
      </div>
    </fieldset>
  );
}
