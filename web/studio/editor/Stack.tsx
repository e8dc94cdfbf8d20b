import { useSignal } from "@preact/signals";
import { edit, removeLayer } from "../state/acts";
import { movedLayer, withLayer, type Layer } from "../state/doc";
import { doc, selected, takeById } from "../state/session";

/** The layers, the topmost first: on or off, order by drag or Alt+arrows. */
export function Stack() {
  const layers = doc.value!.layers;
  const dragged = useSignal<number | null>(null);
  const over = useSignal<number | null>(null);

  function drop(to: number): void {
    if (dragged.value !== null && dragged.value !== to) move(dragged.value, to);
    dragged.value = over.value = null;
  }

  const row = (layer: Layer, index: number) => (
    <li
      key={index}
      class={`${index === selected.value ? "selected" : ""} ${over.value === index ? "over" : ""}`}
      draggable
      onDragStart={() => void (dragged.value = index)}
      onDragOver={(event) => {
        if (dragged.value === null) return;
        event.preventDefault();
        over.value = index;
      }}
      onDragEnd={() => void (dragged.value = over.value = null)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        drop(index);
      }}
    >
      <Row layer={layer} index={index} />
    </li>
  );

  return (
    <section class="stack" aria-label="Layers">
      <h2>Layers</h2>
      {layers.length === 0 && <p class="quiet empty">No layers yet. Generate a take, then lay it over the source.</p>}
      <ol>{layers.map(row).reverse()}</ol>
      <p class="source quiet">Source, untouched</p>
      <label class="line check">
        <input
          type="checkbox"
          checked={doc.value!.strict_chroma}
          onChange={({ currentTarget: { checked } }) => edit((now) => ({ ...now, strict_chroma: checked }), "Strict chroma")}
        />
        <span title="A chroma sample changes only if every luma sample that shares it has some alpha">Strict chroma</span>
      </label>
    </section>
  );
}

function Row({ layer, index }: { layer: Layer; index: number }) {
  const take = takeById.value.get(layer.take);
  const name = take ? take.instruction || "Layerized clip" : "A take that is gone";
  const opacity = Math.round(100 * layer.adjustment.opacity);
  return (
    <>
      <input
        type="checkbox"
        checked={layer.on}
        aria-label={`Show ${name}`}
        onChange={() => edit((now) => withLayer(now, index, { on: !layer.on }), layer.on ? "Hide a layer" : "Show a layer")}
      />
      <button
        class="name plain"
        aria-current={index === selected.value}
        title="Alt+Up and Alt+Down move it, Delete takes it out"
        onClick={() => void (selected.value = index)}
        onKeyDown={(event) => keys(event, index)}
      >
        {name}
      </button>
      <span class="mono quiet" title="Seed">
        {take?.seed ?? ""}
      </span>
      <span class="mono">{opacity} %</span>
      <button class="plain" aria-label={`Remove ${name}`} title="Remove" onClick={() => removeLayer(index)}>
        ×
      </button>
    </>
  );
}

function move(from: number, to: number): void {
  if (to < 0 || to >= doc.value!.layers.length) return;
  edit((now) => movedLayer(now, from, to), "Reorder layers");
  selected.value = to;
}

function keys(event: KeyboardEvent, index: number): void {
  const up = event.key === "ArrowUp";
  if (event.key === "Delete" || event.key === "Backspace") removeLayer(index);
  else if (!up && event.key !== "ArrowDown") return;
  else if (event.altKey) move(index, index + (up ? 1 : -1));
  else selected.value = Math.min(doc.value!.layers.length - 1, Math.max(0, selected.value + (up ? 1 : -1)));
  event.preventDefault();
  event.stopPropagation();
  const list = (event.currentTarget as Element).closest("ol")!;
  requestAnimationFrame(() => list.querySelector<HTMLElement>(".selected .name")?.focus());
}
