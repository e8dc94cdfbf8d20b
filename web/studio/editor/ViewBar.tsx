import type { Side, ViewerApi } from "../../viewer/types";
import { viewer } from "../state/view";
import { sides, swapSides, VIEWS } from "../state/wiping";

/** What the viewer shows: view, wipe, overlay, zoom; the frame and the code values under the pointer. */
export function ViewBar() {
  const shown = viewer.value;
  if (!shown) return <div class="viewbar" />;
  return (
    <div class="viewbar" role="toolbar" aria-label="View">
      <div class="choices">
        {VIEWS.map(([view, title], i) => (
          <button
            key={view}
            aria-pressed={shown.view.value === view}
            title={`Key ${i + 1}`}
            onClick={() => void (shown.view.value = view)}
          >
            {title}
          </button>
        ))}
      </div>
      <Toggle label="Overlay" title="Key M" on={shown.overlay.value} onClick={() => void (shown.overlay.value = !shown.overlay.value)} />
      <Toggle
        label="Checkerboard"
        on={shown.checkerboard.value}
        onClick={() => void (shown.checkerboard.value = !shown.checkerboard.value)}
      />
      <Wiping shown={shown} />
    </div>
  );
}

/** A button that stays pressed. */
export function Toggle({ label, title = "", on, onClick }: { label: string; title?: string; on: boolean; onClick(): void }) {
  return (
    <button aria-pressed={on} title={title} onClick={onClick}>
      {label}
    </button>
  );
}

function Wiping({ shown }: { shown: ViewerApi }) {
  const wipe = shown.wipe.value;
  const side = (name: "left" | "right") => (
    <select
      aria-label={`Wipe, ${name} side`}
      value={wipe[name]}
      onChange={({ currentTarget: { value } }) => void (shown.wipe.value = { ...wipe, [name]: value as Side })}
    >
      {sides.value.map(([side, title]) => (
        <option key={side} value={side}>
          {title}
        </option>
      ))}
    </select>
  );
  return (
    <>
      <Toggle label="Wipe" title="Key W" on={wipe.on} onClick={() => void (shown.wipe.value = { ...wipe, on: !wipe.on })} />
      {wipe.on && (
        <span class="sides">
          {side("left")}
          <button class="plain" title="Key X" aria-label="Exchange the sides" onClick={swapSides}>
            ⇄
          </button>
          {side("right")}
        </span>
      )}
    </>
  );
}
