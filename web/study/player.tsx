// One video, three canvases: source over first over second result. Nothing can drift, since all are of one frame.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { ShownTrial } from "./api";
import { heatMap } from "./heat";

export interface PlayerProps {
  src: string;
  trial: ShownTrial;
  heat: boolean;
  playing: boolean;
  restart: number;
  onReady(): void;
  onPass(): void;
  onWaiting(): void;
  onPlaying(playing: boolean): void;
  beside: ComponentChildren[];
}

export function Player({ src, trial, heat, playing, restart, onReady, onPass, onWaiting, onPlaying, beside }: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const canvases = useRef<(HTMLCanvasElement | null)[]>([null, null, null]);
  const draw = useRef(() => {});
  draw.current = () => drawFrame(video.current, canvases.current, trial, heat);

  useEffect(() => watch(video.current!, () => draw.current()), []);
  useEffect(() => draw.current(), [heat]);
  useEffect(() => {
    const element = video.current!;
    if (!playing) element.pause();
    else play(element);
  }, [playing]);
  useEffect(() => {
    if (restart) video.current!.currentTime = 0;
  }, [restart]);
  const wanted = useRef(playing);
  wanted.current = playing;
  useEffect(() => retryWhenOnline(video.current!, (element) => wanted.current && play(element)), []);

  function play(element: HTMLVideoElement) {
    // A browser may wait for a press. Other refusals are passing: no clip yet, or another load of it.
    element.play().catch((error: DOMException) => error.name === "NotAllowedError" && onPlaying(false));
  }

  function ended() {
    const element = video.current;
    if (!element) return; // the event was on its way when the next pair came
    onPass();
    element.currentTime = 0;
    if (playing) play(element);
  }

  const shown = [
    { name: "Source", place: 0 },
    { name: "First", place: trial.swapped ? 2 : 1 },
    { name: "Second", place: trial.swapped ? 1 : 2 },
  ];
  return (
    <div class="clips">
      <video
        ref={video}
        src={src}
        muted
        playsInline
        preload="auto"
        aria-hidden="true"
        tabIndex={-1}
        onLoadedData={onReady}
        onEnded={ended}
        onWaiting={onWaiting}
      />
      {beside}
      {shown.map(({ name, place }) => (
        <figure key={place} class={`clip ${name.toLowerCase()}`}>
          <figcaption>
            {name}
            {place > 0 && heat ? <span class="quiet"> · difference from the source</span> : null}
          </figcaption>
          <canvas
            ref={(canvas: HTMLCanvasElement | null) => {
              canvases.current[place] = canvas;
            }}
            width={trial.width}
            height={trial.height}
            role="img"
            aria-label={place ? `${name} result${heat ? ": difference from the source" : ""}` : "Source"}
          />
        </figure>
      ))}
    </div>
  );
}

function watch(video: HTMLVideoElement, draw: () => void): () => void {
  let stopped = false;
  const next = () => {
    if (stopped) return;
    draw();
    ask();
  };
  const ask = () =>
    "requestVideoFrameCallback" in video ? video.requestVideoFrameCallback(next) : requestAnimationFrame(next);
  ask();
  return () => {
    stopped = true;
  };
}

// A clip that broke off with the network is asked for again.
function retryWhenOnline(video: HTMLVideoElement, play: (video: HTMLVideoElement) => void): () => void {
  const again = () => {
    if (!video.error && video.readyState > 2) return;
    const at = video.currentTime;
    video.load();
    video.currentTime = at;
    play(video);
  };
  const timer = setInterval(() => video.error && again(), 3000);
  addEventListener("online", again);
  return () => {
    clearInterval(timer);
    removeEventListener("online", again);
  };
}

const scratch = document.createElement("canvas");

function drawFrame(
  video: HTMLVideoElement | null,
  canvases: (HTMLCanvasElement | null)[],
  { width, height, top, rows }: ShownTrial,
  heat: boolean,
): void {
  if (!video || video.readyState < 2) return;
  if (scratch.width !== width || scratch.height !== 3 * rows) Object.assign(scratch, { width, height: 3 * rows });
  const context = scratch.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(video, 0, 0); // once: a playing video may go on between two canvases
  canvases.forEach((canvas, place) => {
    if (canvas && (place === 0 || !heat)) {
      canvas.getContext("2d")!.drawImage(scratch, 0, top + place * rows, width, height, 0, 0, width, height);
    }
  });
  if (!heat) return;
  const source = context.getImageData(0, top, width, height);
  for (const place of [1, 2]) {
    const result = context.getImageData(0, top + place * rows, width, height);
    heatMap(source.data, result.data, result.data);
    canvases[place]?.getContext("2d")!.putImageData(result, 0, 0);
  }
}
