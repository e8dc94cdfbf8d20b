import { useSignal, useSignalEffect } from "@preact/signals";
import type { ViewerApi } from "../../viewer/types";
import * as api from "../api/client";
import type { Samples } from "../api/types";
import { clip, doc, projectId, saveNow } from "../state/session";
import { viewer } from "../state/view";
import { Toggle } from "./ViewBar";

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
      <Zoom shown={shown} />
      <CodeValues />
    </div>
  );
}

const ZOOMS = [0.5, 1, 2, 4, 8];

function Zoom({ shown }: { shown: ViewerApi }) {
  const now = shown.zoom.value;
  const steps = now === null || ZOOMS.includes(now) ? ZOOMS : [...ZOOMS, now].sort((one, other) => one - other);
  return (
    <select
      aria-label="Zoom"
      value={String(now ?? "fit")}
      onChange={({ currentTarget: { value } }) => void (shown.zoom.value = value === "fit" ? null : Number(value))}
    >
      <option value="fit">Fit</option>
      {steps.map((zoom) => (
        <option key={zoom} value={String(zoom)}>
          {Math.round(100 * zoom)} %
        </option>
      ))}
    </select>
  );
}

const REST = 250; // milliseconds that the pointer rests before the server is asked

/** Code values at the pointer: the server's, of the source's own depth and planes, once it rests on a paused frame. */
function CodeValues() {
  const found = useSignal<Samples | null>(null);
  const at = viewer.value?.cursor.value;
  useSignalEffect(() => {
    const shown = viewer.value;
    const [pixel, frame, playing] = [shown?.cursor.value, shown?.frame.value, shown?.playing.value];
    void doc.value; // asked again when a layer changes
    found.value = null;
    if (!pixel || frame === undefined || playing) return undefined;
    let left = false;
    const timer = setTimeout(async () => {
      const answer = await read(frame, pixel.x, pixel.y);
      if (!left) found.value = answer;
    }, REST);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  });
  return (
    <span class="mono values" aria-live="off">
      {at ? `x ${at.x} y ${at.y}  ${found.value ? text(found.value) : ""}` : ""}
    </span>
  );
}

async function read(frame: number, x: number, y: number): Promise<Samples | null> {
  try {
    await saveNow();
    return await api.samples(projectId.value!, frame, x, y);
  } catch {
    return null; // the picture says what is wrong, if anything is
  }
}

const text = ({ names, source, result, alpha }: Samples) =>
  `${names.join(" ")}  source ${source.join(" ")}  result ${result.join(" ")}  alpha ${alpha.toFixed(4)}`;
