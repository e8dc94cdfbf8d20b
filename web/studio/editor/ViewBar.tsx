import type { View, ViewerApi } from "../../viewer/types";
import { clip } from "../state/session";
import { viewer } from "../state/view";

const VIEWS: [View, string][] = [
  ["source", "Source"],
  ["edit", "Edit"],
  ["alpha", "Alpha"],
  ["result", "Result"],
  ["difference", "Difference"],
  ["matte", "Matte"],
];

/** What the viewer shows: view, wipe, overlay, zoom; the frame and the code values under the pointer. */
export function ViewBar() {
  const shown = viewer.value;
  if (!shown) return <div class="viewbar" />;
  return (
    <div class="viewbar" role="toolbar" aria-label="View">
      <div class="choices">
        {VIEWS.map(([view, title], i) => (
          <button key={view} aria-pressed={shown.view.value === view} title={i < 5 ? `Key ${i + 1}` : ""} onClick={() => void (shown.view.value = view)}>
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
      <select
        aria-label="Zoom"
        value={String(shown.zoom.value ?? "fit")}
        onChange={({ currentTarget: { value } }) => void (shown.zoom.value = value === "fit" ? null : Number(value))}
      >
        <option value="fit">Fit</option>
        {zooms(shown.zoom.value).map((zoom) => (
          <option key={zoom} value={String(zoom)}>
            {Math.round(100 * zoom)} %
          </option>
        ))}
      </select>
    </div>
  );
}

function Toggle({ label, title = "", on, onClick }: { label: string; title?: string; on: boolean; onClick(): void }) {
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
      onChange={({ currentTarget: { value } }) => void (shown.wipe.value = { ...wipe, [name]: value as View })}
    >
      {VIEWS.map(([view, title]) => (
        <option key={view} value={view}>
          {title}
        </option>
      ))}
    </select>
  );
  return (
    <>
      <Toggle label="Wipe" title="Key W" on={wipe.on} onClick={() => void (shown.wipe.value = { ...wipe, on: !wipe.on })} />
      {wipe.on && side("left")}
      {wipe.on && side("right")}
    </>
  );
}

const ZOOMS = [0.5, 1, 2, 4, 8];
const zooms = (now: number | null) => (now === null || ZOOMS.includes(now) ? ZOOMS : [...ZOOMS, now].sort((a, b) => a - b));

/** Play, the frame's number and time, and code values under the pointer. */
export function Transport() {
  const shown = viewer.value;
  const source = clip.value;
  if (!shown || !source) return null;
  const frame = shown.frame.value;
  const playing = shown.playing.value;
  return (
    <div class="transport" role="toolbar" aria-label="Play">
      <button aria-label="Back one frame" onClick={() => shown.step(-1)}>
        ‹
      </button>
      <button class="play" onClick={() => (playing ? shown.pause() : shown.play())}>
        {playing ? "Pause" : "Play"}
      </button>
      <button aria-label="Forward one frame" onClick={() => shown.step(1)}>
        ›
      </button>
      <span class="mono frame">
        {String(frame).padStart(String(source.frames).length, "0")} / {source.frames - 1}
      </span>
      <span class="mono">{(source.times[frame] ?? 0).toFixed(3)} s</span>
      <Toggle label="Loop" on={shown.loop.value} onClick={() => void (shown.loop.value = !shown.loop.value)} />
      {source.audio && <Toggle label="Mute" on={shown.muted.value} onClick={() => void (shown.muted.value = !shown.muted.value)} />}
      <CodeValues shown={shown} />
    </div>
  );
}

function CodeValues({ shown }: { shown: ViewerApi }) {
  const [at, found] = [shown.cursor.value, shown.samples.value];
  if (!at) return <span class="mono values quiet">No pixel under the pointer</span>;
  return (
    <span class="mono values">
      x {at.x} y {at.y}
      {found && `  source ${found.source.join(" ")}  result ${found.result.join(" ")}  alpha ${found.alpha.toFixed(3)}`}
    </span>
  );
}
