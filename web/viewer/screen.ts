/** What people see and touch: the canvas with its pictures, zoom, cursor, wipe, and the line below. */

import { effect } from "@preact/signals";
import { type Compositor, samplesAt } from "./compositor";
import type { ExactPictures } from "./exact";
import { pressKey } from "./keys";
import { describeCanvas, makeParts, placeHandle, samplesText } from "./parts";
import { listenCursor, listenWipe, listenZoom } from "./pointer";
import type { Size } from "./rule/plan";
import type { ViewerTold } from "./signals";
import { fitted, type Look, MOST_ZOOM, present, sourcePicture } from "./surface";
import type { ClipMedia, LayerMedia, Side, ViewerApi } from "./types";
import { type Marks, VIEWS } from "./views";

/** A composed frame: what draws its views, and whether a layer lies over the source; what draws each compared take. */
export interface Shown {
  compositor: Compositor;
  layered: boolean;
  /** Of half the size: good to look at, but its code values are not the proxy's. */
  small: boolean;
  takes: ReadonlyMap<Side, Compositor>;
}

const NOTHING: ClipMedia = { url: "", times: [], width: 1, height: 1 };

export class Screen {
  private readonly parts;
  private readonly listening = new AbortController();
  private readonly stops: (() => void)[] = [];
  private media = NOTHING;
  private proxy: Size = NOTHING;
  private shown: Shown | null = null;
  private compared: LayerMedia[] = [];

  constructor(
    host: HTMLElement,
    private readonly viewer: ViewerApi,
    private readonly told: ViewerTold,
    private readonly exact: ExactPictures,
  ) {
    this.parts = makeParts(host);
    this.stops.push(
      effect(() => this.draw()),
      effect(() => this.describe()),
      effect(() => this.readSamples()),
    );
    this.listen();
  }

  /** The clip from now on, at the size of its proxy; nothing of it is shown yet. */
  open(media: ClipMedia, proxy: Size): void {
    [this.media, this.proxy, this.shown] = [media, proxy, null];
  }

  /** Shows frame `frame`: what was composed of it, or only its exact pictures. */
  show(frame: number, shown: Shown | null): void {
    this.shown = shown;
    this.told.frame.value = frame;
    this.draw();
    this.readSamples();
  }

  /** The takes that sides of the wipe may name. */
  compare(takes: LayerMedia[]): void {
    this.compared = takes;
    this.draw();
  }

  /** The compared takes that are to be seen. */
  takes(): LayerMedia[] {
    const sides = this.views();
    return this.compared.filter(({ id }) => sides.includes(`take ${id}`));
  }

  /** What is to be seen: a view, or the two sides of the wipe. */
  views(): Side[] {
    const { on, left, right } = this.told.wipe.value;
    return on ? [...new Set([left, right])] : [this.told.view.value];
  }

  zoomNow(): number {
    return this.told.zoom.value ?? fitted(this.parts.canvas, this.proxy);
  }

  zoomAt(zoom: number, at?: { x: number; y: number }): void {
    const { canvas } = this.parts;
    const [x, y] = this.middle();
    const place = at ?? { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
    const [right, down] = [
      place.x * devicePixelRatio - canvas.width / 2,
      place.y * devicePixelRatio - canvas.height / 2,
    ];
    const [before, after] = [this.zoomNow(), Math.min(Math.max(zoom, 1 / 16), MOST_ZOOM)];
    const factor = 1 / before - 1 / after;
    this.told.center.value = [x + right * factor, y + down * factor];
    this.told.zoom.value = after;
  }

  /** Draws what was composed as it is looked at now. */
  draw(): void {
    const { canvas, handle } = this.parts;
    const { overlay, checkerboard, table, view, wipe, zoom, center, picture } = this.told;
    const marks = { overlay: overlay.value, checkerboard: checkerboard.value, table: table.value };
    const look: Look = { view: view.value, wipe: wipe.value, zoom: zoom.value, center: center.value };
    const drawn = (side: Side) => this.exact.get(side) ?? this.drawSide(side, marks);
    present(canvas.getContext("2d")!, this.proxy, look, drawn);
    picture.value = sourcePicture(canvas, this.proxy, this.media, look, devicePixelRatio);
    placeHandle(handle, look.wipe, picture.peek(), this.media, (side) => this.nameOf(side));
  }

  private drawSide(side: Side, marks: Marks): HTMLCanvasElement | OffscreenCanvas | null {
    const view = VIEWS.find((one) => one === side);
    if (view) return this.shown?.compositor.draw(view, marks) ?? null;
    return this.shown?.takes.get(side)?.draw("result", marks) ?? null;
  }

  private nameOf(side: Side): string {
    return this.compared.find(({ id }) => side === `take ${id}`)?.label ?? side;
  }

  destroy(): void {
    this.listening.abort();
    this.stops.forEach((stop) => stop());
    this.parts.root.remove();
  }

  /** The proxy's pixel in the middle of the canvas. */
  private middle(): [number, number] {
    const { width, height } = this.proxy;
    return (this.told.zoom.value === null ? null : this.told.center.value) ?? [width / 2, height / 2];
  }

  private describe(): void {
    const { exactShown, status, cursor, samples } = this.told;
    describeCanvas(this.parts.canvas, this.told, this.media.times);
    this.parts.values.textContent = samplesText(cursor.value, samples.value);
    this.parts.status.textContent = exactShown.value ? "Exact frame at full size" : status.value;
  }

  private readSamples(): void {
    const { cursor, samples, playing } = this.told;
    const { media, proxy, shown } = this;
    const place = cursor.value;
    if (!place || !shown || shown.small || playing.value) return void (samples.value = null);
    const [x, y] = [((place.x + 0.5) * proxy.width) / media.width, ((place.y + 0.5) * proxy.height) / media.height];
    samples.value = samplesAt(shown.compositor, shown.layered, Math.floor(x), Math.floor(y));
  }

  private listen(): void {
    const { root, canvas } = this.parts;
    const { signal } = this.listening;
    const { cursor, picture, wipe } = this.told;
    const resized = new ResizeObserver(() => {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
      this.draw();
    });
    resized.observe(canvas);
    this.stops.push(() => resized.disconnect());
    const press = (event: KeyboardEvent) => {
      if (pressKey(this.viewer, event)) event.preventDefault();
    };
    root.addEventListener("keydown", press, { signal });
    listenZoom(this.parts, this.viewer, () => this.middle(), signal);
    listenCursor(this.parts, this.viewer, cursor, () => this.media, signal);
    listenWipe(
      this.parts,
      wipe,
      () => picture.peek(),
      () => this.media.width,
      signal,
    );
  }
}
