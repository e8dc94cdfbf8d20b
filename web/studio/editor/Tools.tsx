import { useSignal } from "@preact/signals";
import type { Region, Stroke } from "../api/types";
import { ask, edit } from "../state/acts";
import { withLayer } from "../state/doc";
import { form } from "../state/form";
import { closeStep } from "../state/history";
import { clip, doc, layer, selected } from "../state/session";
import { brush, draft, strokeFrom, strokeTo, tool } from "../state/tools";
import { viewer } from "../state/view";

type Point = [number, number];

/** What is drawn on the frame by hand: the region, the mask, matte paint; in pixels of the upright source. */
export function Tools() {
  const shown = viewer.value;
  const pointer = useSignal<Point | null>(null);
  const start = useSignal<{ at: Point; offset: Point } | null>(null);
  if (!shown || !clip.value) return null;
  const { left, top, scale } = shown.picture.value;
  const active = tool.value;
  const region = active === "region" && start.value && pointer.value ? boxOf(start.value.at, pointer.value) : form.value.region;

  const at = (event: PointerEvent): Point => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return [round((event.clientX - box.left - left) / scale.x - 0.5), round((event.clientY - box.top - top) / scale.y - 0.5)];
  };

  function down(event: PointerEvent): void {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const point = at(event);
    start.value = { at: point, offset: layer.value?.adjustment.offset ?? [0, 0] };
    if (active === "mask" || (active === "paint" && layer.value)) draft.value = strokeFrom(point, active === "mask");
  }

  function move(event: PointerEvent): void {
    pointer.value = at(event);
    if (draft.value) draft.value = strokeTo(draft.value, pointer.value);
    if (active === "move" && start.value && layer.value) moveLayer(start.value, pointer.value);
  }

  function up(): void {
    if (active === "region" && start.value && pointer.value) chooseRegion(boxOf(start.value.at, pointer.value));
    if (draft.value) keepStroke(draft.value);
    draft.value = null;
    start.value = null;
    closeStep();
  }

  return (
    <svg
      class={`tools ${active}`}
      aria-hidden="true"
      onPointerDown={down}
      onPointerMove={move}
      onPointerUp={up}
      onPointerCancel={up}
      onPointerLeave={() => void (pointer.value = null)}
    >
      <g transform={`translate(${left} ${top}) scale(${scale.x} ${scale.y})`}>
        {region && <rect class="region" x={region[0]} y={region[1]} width={region[2]} height={region[3]} />}
        {active === "mask" && <MaskStrokes />}
        {(active === "mask" || active === "paint") && pointer.value && (
          <circle class="brush" cx={pointer.value[0] + 0.5} cy={pointer.value[1] + 0.5} r={brush.value.radius} />
        )}
      </g>
    </svg>
  );
}

function MaskStrokes() {
  const { mask } = form.value;
  const strokes = [...(mask.kind === "drawn" ? mask.strokes : []), ...(draft.value ? [draft.value] : [])];
  return (
    <g class="mask">
      {strokes.map((stroke, i) => (
        <polyline
          key={i}
          class={stroke.mode}
          points={[...stroke.points, stroke.points.at(-1)!].map(([x, y]) => `${x + 0.5},${y + 0.5}`).join(" ")}
          stroke-width={2 * stroke.radius}
        />
      ))}
    </g>
  );
}

function keepStroke(stroke: Stroke): void {
  if (tool.value === "mask") {
    const { mask } = form.value;
    ask({ mask: { kind: "drawn", strokes: [...(mask.kind === "drawn" ? mask.strokes : []), stroke] } }, "Draw the mask");
  } else if (layer.value) {
    const { adjustment } = layer.value;
    const painted = { ...adjustment, paint: [...adjustment.paint, stroke] };
    edit((now) => withLayer(now, selected.value, { adjustment: painted }), "Paint the matte");
  }
}

function moveLayer({ at, offset }: { at: Point; offset: Point }, to: Point): void {
  const next: Point = [Math.round(offset[0] + to[0] - at[0]), Math.round(offset[1] + to[1] - at[1])];
  const { adjustment } = doc.value!.layers[selected.value]!;
  edit((now) => withLayer(now, selected.value, { adjustment: { ...adjustment, offset: next } }), "Move a layer", "move");
}

/** The box of whole pixels between two points, within the frame. */
export function boxOf(one: Point, other: Point): Region {
  const { width, height } = clip.value!;
  const within = (value: number, most: number) => Math.min(most, Math.max(0, Math.round(value)));
  const [x, right] = [one[0], other[0]].map((value) => within(value, width)).sort((a, b) => a - b) as Point;
  const [y, below] = [one[1], other[1]].map((value) => within(value, height)).sort((a, b) => a - b) as Point;
  return [x, y, right - x, below - y];
}

function chooseRegion(box: Region): void {
  if (box[2] < 8 || box[3] < 8) return; // a click, not a box
  ask({ region: box }, "Draw the region");
  tool.value = "none";
}

const round = (value: number) => Math.round(value * 4) / 4;
