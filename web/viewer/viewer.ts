/** A frame-accurate viewer of a clip's proxy and of layers over it. */

import { effect, untracked } from "@preact/signals";
import { Clock } from "./clock";
import { type Compositor, plainCompositor, samplesAt } from "./compositor";
import { findCapability } from "./decode/capability";
import { ExactPictures } from "./exact";
import { glCompositor } from "./gl/compositor";
import { pressKey } from "./keys";
import { Newest } from "./newest";
import { capabilityText, describeCanvas, makeParts, placeHandle, samplesText } from "./parts";
import { listenCursor, listenWipe, listenZoom } from "./pointer";
import { isLive } from "./rule/plan";
import { viewerSignals } from "./signals";
import { type Sound, soundOf } from "./sound";
import { Stage } from "./stage";
import { fitted, type Look, MOST_ZOOM, present, sourcePicture } from "./surface";
import type { ClipMedia, LayerState, View, ViewerApi, ViewerOptions, ViewerSignals } from "./types";
import "./viewer.css";

const PAUSED = 150; // milliseconds of rest before the server is asked for the exact picture
const STALE = 100; // milliseconds without a picture after which one that is not the newest is drawn
const AHEAD = 4; // frames decoded before they are due

export interface Viewer extends ViewerSignals {}

export class Viewer implements ViewerApi {
  private readonly told = viewerSignals();
  private readonly listening = new AbortController();
  private readonly parts;
  private readonly exact: ExactPictures;
  private readonly show = new Newest<number>(this.showFrame.bind(this), this.rest.bind(this), this.fail.bind(this));
  private readonly stops: (() => void)[] = [];
  private compositor: Compositor | null = null;
  private media: ClipMedia = { url: "", times: [], width: 1, height: 1 };
  private layers: LayerState[] = [];
  private strictChroma = false;
  private stage: Stage | null = null;
  private sound: Sound | null = null;
  private clock: Clock | null = null;
  private wanted = 0;
  private composed = false;
  private layered = false;
  private drawnAt = 0;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private loads = 0;

  constructor(
    host: HTMLElement,
    private readonly options: ViewerOptions = {},
  ) {
    Object.assign(this, this.told);
    this.exact = new ExactPictures(options.exact ?? (async () => null));
    this.parts = makeParts(host);
    this.listen();
    this.stops.push(effect(() => this.draw()), effect(() => this.describe()), effect(() => this.readSamples()));
    this.stops.push(effect(() => this.askAgain()), effect(() => this.restartSound()));
  }

  async load(media: ClipMedia): Promise<void> {
    this.unload();
    const load = ++this.loads;
    this.media = media;
    const { capability, frameCount, inPoint, outPoint } = this.told;
    [frameCount.value, inPoint.value, outPoint.value] = [media.times.length, null, null];
    const found = await findCapability(this.options.without);
    if (found !== "stills") await this.openStage(media, found, load);
    if (load !== this.loads) return;
    capability.value = found;
    this.clock = new Clock(media.times, this.sound, () => this.range(), (frame) => this.due(frame), () => this.pause());
    this.told.status.value = capabilityText(found, this.compositor?.name ?? "");
    await this.showFirst();
  }

  setLayers(layers: LayerState[], strictChroma = false): void {
    [this.layers, this.strictChroma] = [layers, strictChroma];
    this.stage?.setLayers(layers, strictChroma);
    this.refresh();
  }

  seek(frame: number): void {
    this.pause();
    this.go(frame);
  }

  step(frames: number): void {
    this.seek(this.wanted + frames);
  }

  play(speed = 1): void {
    if (!this.clock || speed === 0) return this.pause();
    [this.told.speed.value, this.told.playing.value] = [speed, true];
    this.clock.start(this.wanted, speed);
  }

  pause(): void {
    this.clock?.stop();
    if (!this.told.playing.peek()) return;
    [this.told.speed.value, this.told.playing.value] = [0, false];
    this.rest();
  }

  refresh(): void {
    this.forgetExact();
    if (this.clock) this.show.request(this.wanted);
  }

  zoomNow(): number {
    return this.told.zoom.value ?? fitted(this.parts.canvas, this.proxy());
  }

  zoomAt(zoom: number, at?: { x: number; y: number }): void {
    const { canvas } = this.parts;
    const [middleX, middleY] = this.middle();
    const place = at ?? { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
    const [right, down] = [place.x * devicePixelRatio - canvas.width / 2, place.y * devicePixelRatio - canvas.height / 2];
    const [before, after] = [this.zoomNow(), Math.min(Math.max(zoom, 1 / 16), MOST_ZOOM)];
    const factor = 1 / before - 1 / after;
    this.told.center.value = [middleX + right * factor, middleY + down * factor];
    this.told.zoom.value = after;
  }

  destroy(): void {
    this.unload();
    this.listening.abort();
    this.stops.forEach((stop) => stop());
    this.compositor?.destroy();
    this.parts.root.remove();
  }

  private async openStage(media: ClipMedia, capability: "exact" | "rgb", load: number): Promise<void> {
    const stage = await Stage.open(media, capability);
    const sound = await soundOf(stage.track.input, media.times[0] ?? 0, () => this.told.muted.peek());
    if (load !== this.loads) return stage.close();
    [this.stage, this.sound] = [stage, sound];
    stage.setLayers(this.layers, this.strictChroma);
    this.compositor ??= this.makeCompositor();
  }

  private makeCompositor(): Compositor {
    const lost = () => {
      this.compositor = plainCompositor();
      this.composed = false;
      this.refresh();
    };
    const { without, slowWebgl } = this.options;
    return (without?.includes("webgl") ? null : glCompositor(lost, slowWebgl)) ?? plainCompositor();
  }

  private unload(): void {
    this.loads++;
    this.pause();
    clearTimeout(this.resting);
    this.show.cancel();
    this.exact.forget();
    this.sound?.close();
    this.stage?.close();
    [this.stage, this.sound, this.clock, this.composed, this.wanted] = [null, null, null, false, 0];
    this.told.exactShown.value = false;
  }

  /** Resolves when the first frame was drawn; rejects if it cannot be. */
  private async showFirst(): Promise<void> {
    await this.showFrame(0, () => true);
    this.rest();
  }

  private go(frame: number): void {
    const last = Math.max(this.media.times.length - 1, 0);
    this.wanted = Math.min(Math.max(Math.round(Math.min(frame, last)), 0), last);
    if (!this.clock) return;
    this.show.request(this.wanted);
  }

  private due(frame: number): void {
    if (frame !== this.wanted) this.go(frame);
  }

  private range(): { first: number; last: number; loop: boolean } {
    const { inPoint, outPoint, loop } = this.told;
    const end = this.media.times.length - 1;
    const first = Math.min(inPoint.peek() ?? 0, end);
    return { first, last: Math.max(Math.min(outPoint.peek() ?? end, end), first), loop: loop.peek() };
  }

  /** Draws a frame, unless a newer one is wanted and a picture was drawn just now. */
  private async showFrame(frame: number, isNewest: () => boolean): Promise<void> {
    const { stage } = this;
    if (!stage) return this.showStill(frame);
    const { problems, ...drawing } = await stage.drawing(frame);
    if (stage !== this.stage || !(isNewest() || performance.now() - this.drawnAt > STALE)) return;
    this.forgetExact();
    this.compositor!.compose(drawing);
    this.composed = true;
    this.layered = drawing.layers.length > 0;
    this.told.status.value = problems[0] ?? this.liveText();
    this.shown(frame);
    if (this.told.playing.peek()) await stage.prefetch(this.ahead(frame)).catch(() => undefined); // told when it is due
  }

  private async showStill(frame: number): Promise<void> {
    if (!(await this.exact.load(frame, this.views())) || !this.clock) return;
    this.told.exactShown.value = true;
    this.shown(frame);
  }

  private shown(frame: number): void {
    this.told.frame.value = frame;
    this.draw();
    this.readSamples();
    this.drawnAt = performance.now();
  }

  private ahead(frame: number): number[] {
    const speed = this.told.speed.peek();
    const step = Math.sign(speed) * Math.max(Math.round(Math.abs(speed)), 1);
    return Array.from({ length: AHEAD }, (_, i) => frame + (i + 1) * step);
  }

  private liveText(): string {
    const live = this.layers.every(({ on, adjustment }) => !on || isLive(adjustment, this.stage!.scale));
    const text = capabilityText(this.told.capability.peek() ?? "exact", this.compositor!.name);
    return live ? text : "A matte this soft or choked is exact once paused; the preview stops before";
  }

  /** After a while without requests: the exact picture. */
  private rest(): void {
    clearTimeout(this.resting);
    if (!this.stage || this.told.playing.peek()) return;
    this.resting = setTimeout(() => void this.showExact(), PAUSED);
  }

  private async showExact(): Promise<void> {
    if (this.told.playing.peek() || this.told.overlay.peek() || this.told.checkerboard.peek()) return; // only drawn here
    const views = this.views().filter((view) => view !== "matte");
    if (await this.exact.load(this.told.frame.peek(), views)) {
      this.told.exactShown.value = true;
      this.draw();
    }
  }

  private forgetExact(): void {
    clearTimeout(this.resting);
    if (!this.stage) return; // stills stay until the next has come
    this.exact.forget();
    this.told.exactShown.value = false;
  }

  private views(): View[] {
    const { view, wipe } = this.told;
    const { on, left, right } = wipe.value;
    return on ? [...new Set([left, right])] : [view.value];
  }

  private look(): Look {
    const { view, wipe, zoom, center } = this.told;
    return { view: view.value, wipe: wipe.value, zoom: zoom.value, center: center.value };
  }

  private proxy(): { width: number; height: number } {
    return this.stage?.proxy ?? this.media;
  }

  private middle(): [number, number] {
    const { width, height } = this.proxy();
    return (this.told.zoom.value === null ? null : this.told.center.value) ?? [width / 2, height / 2];
  }

  /** Draws what was composed as it is looked at now: an effect of all that changes only the look. */
  private draw(): void {
    const { canvas, handle } = this.parts;
    const marks = { overlay: this.told.overlay.value, checkerboard: this.told.checkerboard.value };
    const look = this.look();
    const picture = (view: View) => this.exact.get(view) ?? (this.composed ? this.compositor!.draw(view, marks) : null);
    present(canvas.getContext("2d")!, this.proxy(), look, picture);
    const place = sourcePicture(canvas, this.proxy(), this.media.width, look, devicePixelRatio);
    this.told.picture.value = place;
    placeHandle(handle, look.wipe, place, this.media);
  }

  private describe(): void {
    describeCanvas(this.parts.canvas, this, this.media.times);
    this.parts.values.textContent = samplesText(this.told.cursor.value, this.told.samples.value);
    this.parts.status.textContent = this.told.exactShown.value ? "Exact frame at full size" : this.told.status.value;
  }

  private readSamples(): void {
    const cursor = this.told.cursor.value;
    const { scale } = this.stage ?? {};
    if (!cursor || !scale || !this.composed || this.told.playing.value) return void (this.told.samples.value = null);
    const [x, y] = [(cursor.x + 0.5) * scale.x, (cursor.y + 0.5) * scale.y].map(Math.floor);
    this.told.samples.value = samplesAt(this.compositor!, this.layered, x!, y!);
  }

  /** Another view or mark needs other exact pictures. */
  private askAgain(): void {
    this.views();
    void [this.told.overlay.value, this.told.checkerboard.value];
    untracked(() => this.refreshLook());
  }

  private refreshLook(): void {
    if (!this.clock) return;
    if (!this.stage) return this.show.request(this.wanted);
    this.forgetExact();
    this.rest();
  }

  private restartSound(): void {
    void this.told.muted.value;
    if (this.told.playing.peek()) this.play(this.told.speed.peek());
  }

  private fail(error: unknown): void {
    this.told.status.value = error instanceof Error ? error.message : String(error);
  }

  private listen(): void {
    const { root, canvas } = this.parts;
    const { signal } = this.listening;
    const resized = new ResizeObserver(() => {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
      this.draw();
    });
    resized.observe(canvas);
    this.stops.push(() => resized.disconnect());
    root.addEventListener("keydown", (event) => { if (pressKey(this, event)) event.preventDefault(); }, { signal });
    listenZoom(this.parts, this, () => this.middle(), signal);
    listenCursor(this.parts, this, this.told.cursor, () => this.media, signal);
    listenWipe(this.parts, this.told.wipe, () => this.told.picture.peek(), () => this.media.width, signal);
  }
}
