/** The strip under the viewer: thumbnails, waveform, layer bars, in and out, and a playhead to move. */

import { effect } from "@preact/signals";
import { pressKey } from "./keys";
import { type Colors, drawBar, drawEnds, drawThumbnails, drawWaveform, ROWS } from "./strip/draw";
import type { Bar, StripApi, StripMedia, ViewerApi } from "./types";
import "./viewer.css";

const NAMES = { text: "#e6e6e6", quiet: "#a8a8a8", accent: "#6cb2ff", raised: "#33475b", ground: "#161616" };

export class Strip implements StripApi {
  private readonly root = document.createElement("div");
  private readonly canvas = document.createElement("canvas");
  private readonly playhead = document.createElement("div");
  private readonly stops: (() => void)[] = [];
  private readonly listening = new AbortController();
  private thumbnails: { sheet: ImageBitmap; count: number } | null = null;
  private peaks: number[] = [];
  private bars: Bar[] = [];
  private loads = 0;

  constructor(
    host: HTMLElement,
    private readonly viewer: ViewerApi,
  ) {
    this.root.className = "strip";
    this.playhead.className = "strip-playhead";
    const attributes = { role: "slider", tabindex: "0", "aria-label": "Position in the clip", "aria-valuemin": "0" };
    for (const [name, value] of Object.entries(attributes)) this.root.setAttribute(name, value);
    this.root.append(this.canvas, this.playhead);
    host.append(this.root);
    this.listen();
    this.stops.push(
      effect(() => this.draw()),
      effect(() => this.movePlayhead()),
    );
  }

  load({ thumbnails, peaks }: StripMedia): void {
    const load = ++this.loads;
    this.clear();
    if (thumbnails) {
      const { url, count } = thumbnails;
      this.take(fetchPicture(url), load, (sheet) => (this.thumbnails = { sheet, count }));
    }
    if (peaks) this.take(fetchPeaks(peaks), load, (found) => (this.peaks = found));
    this.draw();
  }

  setBars(bars: Bar[]): void {
    this.bars = bars;
    this.draw();
  }

  destroy(): void {
    this.loads++;
    this.clear();
    this.stops.forEach((stop) => stop());
    this.listening.abort();
    this.root.remove();
  }

  /** Uses a part when it has come, unless another clip came first; a strip works without it as well. */
  private take<Part>(coming: Promise<Part>, load: number, use: (part: Part) => void): void {
    const used = (part: Part) => {
      if (load !== this.loads) return;
      use(part);
      this.draw();
    };
    coming.then(used).catch(() => undefined);
  }

  private clear(): void {
    this.thumbnails?.sheet.close();
    [this.thumbnails, this.peaks] = [null, []];
  }

  private draw(): void {
    const { inPoint, outPoint, frameCount } = this.viewer;
    const [first, last, count] = [inPoint.value, outPoint.value, Math.max(frameCount.value, 1)];
    const waveform = this.thumbnails ? ROWS.thumbnails : 0;
    const bars = waveform + (this.peaks.length ? ROWS.waveform : 0);
    const height = bars + Math.max(this.bars.length, 1) * ROWS.bar;
    const width = this.canvas.clientWidth;
    const context = this.sized(width, height);
    const colors = this.colors();
    if (this.thumbnails) drawThumbnails(context, this.thumbnails.sheet, this.thumbnails.count, width, ROWS.thumbnails);
    if (this.peaks.length) drawWaveform(context, this.peaks, waveform, width, ROWS.waveform, colors.quiet);
    [...this.bars].reverse().forEach((bar, i) => drawBar(context, bar, count, bars + i * ROWS.bar, width, colors));
    drawEnds(context, first, last, count, width, height, colors);
  }

  private sized(width: number, height: number): CanvasRenderingContext2D {
    this.canvas.width = Math.round(width * devicePixelRatio);
    this.canvas.height = Math.round(height * devicePixelRatio);
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d")!;
    context.scale(devicePixelRatio, devicePixelRatio);
    return context;
  }

  private colors(): Colors {
    const style = getComputedStyle(this.root);
    const entries = Object.entries(NAMES).map(([name, usual]) => [
      name,
      style.getPropertyValue(`--${name}`).trim() || usual,
    ]);
    return Object.fromEntries(entries) as Colors;
  }

  private movePlayhead(): void {
    const { frame, frameCount } = this.viewer;
    const count = Math.max(frameCount.value, 1);
    this.playhead.style.left = `${((frame.value + 0.5) / count) * 100}%`;
    this.root.setAttribute("aria-valuemax", String(count - 1));
    this.root.setAttribute("aria-valuenow", String(frame.value));
    this.root.setAttribute("aria-valuetext", `Frame ${frame.value} of ${count}`);
  }

  private listen(): void {
    const { root, canvas, viewer } = this;
    const { signal } = this.listening;
    const seek = (event: PointerEvent) => {
      const { left, width } = canvas.getBoundingClientRect();
      viewer.seek(Math.floor(((event.clientX - left) / width) * viewer.frameCount.peek()));
    };
    const start = (event: PointerEvent) => {
      root.setPointerCapture(event.pointerId);
      seek(event);
    };
    const move = (event: PointerEvent) => {
      if (root.hasPointerCapture(event.pointerId)) seek(event);
    };
    const press = (event: KeyboardEvent) => {
      if (pressKey(viewer, event)) event.preventDefault();
    };
    root.addEventListener("pointerdown", start, { signal });
    root.addEventListener("pointermove", move, { signal });
    root.addEventListener("keydown", press, { signal });
    const resized = new ResizeObserver(() => this.draw());
    resized.observe(root);
    this.stops.push(() => resized.disconnect());
  }
}

async function fetchPicture(url: string): Promise<ImageBitmap> {
  return createImageBitmap(await (await answered(url)).blob());
}

async function fetchPeaks(url: string): Promise<number[]> {
  const { peaks } = (await (await answered(url)).json()) as { peaks: number[] };
  return peaks;
}

async function answered(url: string): Promise<Response> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
  return answer;
}
