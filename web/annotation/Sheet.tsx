// A contact sheet: frames of the clip side by side, each of which is a way to itself.
import { useEffect, useRef } from "preact/hooks";
import type { Work } from "./api";
import { frame, show } from "./clock";
import type { Reel } from "./reel";
import { drawFrame } from "./useReels";

const SHOWN = 12;
const WIDTH = 320; // pixels of a small picture

export function Sheet({ reel, work }: { reel: Reel; work: Work }) {
  const count = Math.min(SHOWN, work.frames);
  const frames = Array.from({ length: count }, (_, index) => Math.round((index * (work.frames - 1)) / Math.max(1, count - 1)));
  return (
    <div class="sheet-of-frames">
      {frames.map((t) => (
        <button key={t} class="plain" aria-label={`Frame ${t + 1}`} aria-pressed={frame.value === t} onClick={() => show(t)}>
          <Small reel={reel} t={t} height={Math.round((WIDTH * work.height) / work.width)} />
        </button>
      ))}
    </div>
  );
}

function Small({ reel, t, height }: { reel: Reel; t: number; height: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  void reel.loaded.value;
  useEffect(() => drawFrame(canvas.current!.getContext("2d")!, reel, t, WIDTH, height));
  return <canvas ref={canvas} width={WIDTH} height={height} aria-hidden="true" />;
}
