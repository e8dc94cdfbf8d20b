// Playing and scrubbing; under it, where the masks of the object are.
import { frame, playing, show, step, toggle } from "./clock";
import { fit, look, zoomBy } from "./zoom";

export interface Marks {
  own: number[];
  along: number[];
  barriers: number[];
  color: string;
}

export function Transport({ frames, marks }: { frames: number; marks?: Marks }) {
  return (
    <div class="transport">
      <button onClick={toggle} aria-label={playing.value ? "Pause" : "Play"} title="K">
        {playing.value ? "Pause" : "Play"}
      </button>
      <button class="plain" onClick={() => step(-1)} aria-label="A frame back" title="A frame back: ,">
        ‹
      </button>
      <button class="plain" onClick={() => step(1)} aria-label="A frame on" title="A frame on: .">
        ›
      </button>
      <div class="track">
        {marks && <Strip frames={frames} marks={marks} />}
        <input
          type="range"
          min={0}
          max={frames - 1}
          value={frame.value}
          aria-label="Frame"
          onInput={(event) => {
            playing.value = false;
            show(Number(event.currentTarget.value));
          }}
        />
      </div>
      <output class="mono">
        {frame.value + 1} / {frames}
      </output>
      <Zoom />
    </div>
  );
}

function Zoom() {
  return (
    <div class="zoom">
      <button class="plain" onClick={() => zoomBy(0.8)} disabled={look.value.zoom === 1} aria-label="Zoom out" title="Zoom out: -">
        −
      </button>
      <button class="plain" onClick={fit} aria-label="Show the whole picture" title="The whole picture: 0">
        {Math.round(100 * look.value.zoom)} %
      </button>
      <button class="plain" onClick={() => zoomBy(1.25)} aria-label="Zoom in" title="Zoom in: +, or the wheel">
        +
      </button>
    </div>
  );
}

function Strip({ frames, marks }: { frames: number; marks: Marks }) {
  const bar = (t: number, kind: string, color?: string) => (
    <rect key={`${kind}${t}`} class={kind} x={t} y={kind === "along" ? 4 : 0} width={1} height={kind === "along" ? 2 : 6} fill={color} />
  );
  return (
    <svg class="strip" viewBox={`0 0 ${frames} 6`} preserveAspectRatio="none" aria-hidden="true">
      {marks.along.map((t) => bar(t, "along", marks.color))}
      {marks.own.map((t) => bar(t, "own", marks.color))}
      {marks.barriers.map((t) => bar(t, "barrier", "var(--danger)"))}
    </svg>
  );
}
