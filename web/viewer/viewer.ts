/** A frame-accurate viewer of a clip's proxy and of layers over it. */

import { effect, untracked } from "@preact/signals";
import { Clock } from "./clock";
import { type Compositor, type Drawing, plainCompositor } from "./compositor";
import { findCapability } from "./decode/capability";
import { ExactPictures } from "./exact";
import { glCompositor } from "./gl/compositor";
import { Newest } from "./newest";
import { capabilityText } from "./parts";
import { isLive } from "./rule/plan";
import { Screen } from "./screen";
import { viewerSignals } from "./signals";
import { type Sound, soundOf } from "./sound";
import { Stage } from "./stage";
import type { ClipMedia, LayerMedia, LayerState, Side, ViewerApi, ViewerOptions, ViewerSignals } from "./types";
import "./viewer.css";

const PAUSED = 150; // milliseconds of rest before the server is asked for the exact picture
const STALE = 100; // milliseconds without a picture after which one that is not the newest is drawn
const AHEAD = 4; // frames decoded before they are due
const FAST = 100; // milliseconds after a seek or a picture within which half the size will do for another seek

export interface Viewer extends ViewerSignals {}

export class Viewer implements ViewerApi {
  private readonly told = viewerSignals();
  private readonly screen: Screen;
  private readonly exact: ExactPictures;
  private readonly newest = new Newest<number>(this.showFrame.bind(this), this.rest.bind(this), this.fail.bind(this));
  private readonly stops: (() => void)[] = [];
  private compositor: Compositor | null = null;
  private times: number[] = [];
  private layers: LayerState[] = [];
  private strictChroma = false;
  private compared: LayerMedia[] = [];
  private readonly sides: [Compositor | null, Compositor | null] = [null, null]; // of takes beside the wipe
  private stage: Stage | null = null;
  private sound: Sound | null = null;
  private clock: Clock | null = null;
  private wanted = 0;
  private drawnAt = 0;
  private soughtAt = -Infinity;
  private fast = false; // what is wanted may be of half the size
  private small = false; // what is shown is of half the size
  private resting: ReturnType<typeof setTimeout> | undefined;
  private loads = 0;

  constructor(
    host: HTMLElement,
    private readonly options: ViewerOptions = {},
  ) {
    Object.assign(this, this.told);
    this.exact = new ExactPictures(options.exact ?? (async () => null));
    this.screen = new Screen(host, this, this.told, this.exact);
    this.stops.push(
      effect(() => this.lookAgain()),
      effect(() => this.restartSound()),
    );
  }

  async load(media: ClipMedia): Promise<void> {
    this.unload();
    const load = ++this.loads;
    this.times = media.times;
    const { capability, frameCount, inPoint, outPoint } = this.told;
    [frameCount.value, inPoint.value, outPoint.value] = [media.times.length, null, null];
    const found = await findCapability(this.options.without);
    if (found !== "stills") await this.openStage(media, found, load);
    if (load !== this.loads) return;
    capability.value = found;
    const { stage } = this;
    this.screen.open(media, stage?.proxy ?? media);
    this.told.status.value = capabilityText(found, this.compositor?.name ?? "");
    const due = (frame: number) => void (frame !== this.wanted && this.go(frame));
    this.clock = new Clock(
      media.times,
      this.sound,
      () => this.range(),
      due,
      () => this.pause(),
    );
    await this.showFrame(0, () => true).catch((error) => {
      if (load === this.loads) throw error; // else it was closed amid its first frame
    });
    this.rest();
    await stage?.openSmall(media);
  }

  setLayers(layers: LayerState[], strictChroma = false): void {
    [this.layers, this.strictChroma] = [layers, strictChroma];
    this.stage?.setLayers(layers, strictChroma, this.compared);
    this.refresh();
  }

  setCompared(takes: LayerMedia[]): void {
    this.compared = takes;
    this.stage?.setLayers(this.layers, this.strictChroma, takes);
    this.screen.compare(takes);
    this.refresh();
  }

  seek(frame: number): void {
    this.pause();
    const now = performance.now();
    // A picture that takes long to draw keeps seeks apart: how fast they are shows only after it.
    this.fast = now - Math.max(this.soughtAt, this.drawnAt) < FAST;
    this.soughtAt = now;
    this.go(frame);
  }

  step(frames: number): void {
    this.seek(this.wanted + frames);
  }

  play(speed = 1): void {
    if (!this.clock || speed === 0) return this.pause();
    [this.told.speed.value, this.told.playing.value, this.fast] = [speed, true, false];
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
    if (this.clock) this.newest.request(this.wanted);
  }

  zoomNow(): number {
    return this.screen.zoomNow();
  }

  zoomAt(zoom: number, at?: { x: number; y: number }): void {
    this.screen.zoomAt(zoom, at);
  }

  destroy(): void {
    this.unload();
    this.stops.forEach((stop) => stop());
    this.screen.destroy();
    [this.compositor, ...this.sides].forEach((compositor) => compositor?.destroy());
  }

  private async openStage(media: ClipMedia, capability: "exact" | "rgb", load: number): Promise<void> {
    const stage = await Stage.open(media, capability);
    const sound = await soundOf(stage.track.input, media.times[0] ?? 0, () => this.told.muted.peek());
    if (load !== this.loads) return stage.close();
    [this.stage, this.sound] = [stage, sound];
    stage.setLayers(this.layers, this.strictChroma, this.compared);
    this.compositor ??= this.makeCompositor();
  }

  private makeCompositor(): Compositor {
    const lost = () => {
      this.compositor = plainCompositor();
      this.sides.fill(null);
      this.refresh();
    };
    const { without, slowWebgl } = this.options;
    return (without?.includes("webgl") ? null : glCompositor(lost, slowWebgl)) ?? plainCompositor();
  }

  private unload(): void {
    this.loads++;
    this.pause();
    clearTimeout(this.resting);
    this.newest.cancel();
    this.exact.forget();
    this.sound?.close();
    this.stage?.close();
    [this.stage, this.sound, this.clock, this.wanted] = [null, null, null, 0];
    this.fast = this.small = false;
    this.told.exactShown.value = false;
  }

  private go(frame: number): void {
    const last = Math.max(this.times.length - 1, 0);
    this.wanted = Math.round(Math.min(Math.max(frame, 0), last));
    if (this.clock) this.newest.request(this.wanted);
  }

  private range(): { first: number; last: number; loop: boolean } {
    const { inPoint, outPoint, loop } = this.told;
    const end = this.times.length - 1;
    const first = Math.min(inPoint.peek() ?? 0, end);
    return { first, last: Math.max(Math.min(outPoint.peek() ?? end, end), first), loop: loop.peek() };
  }

  /** Draws a frame, unless a newer one is wanted and a picture was drawn just now. */
  private async showFrame(frame: number, isNewest: () => boolean): Promise<void> {
    const { stage } = this;
    if (!stage) return this.showStill(frame);
    const takes = this.screen.takes();
    const from = this.fast ? stage.quick(takes) : stage;
    const [{ problems, ...drawing }, ...alone] = await Promise.all([
      from.drawing(frame),
      ...takes.map((media) => from.drawing(frame, [{ media, on: true, adjustment: {} }])),
    ]);
    if (stage !== this.stage || !(isNewest() || performance.now() - this.drawnAt > STALE)) return;
    this.forgetExact();
    this.compositor!.compose(drawing);
    this.told.status.value = [problems, ...alone.map((one) => one.problems)].flat()[0] ?? this.liveText();
    const shown = new Map(takes.map(({ id }, i) => [`take ${id}` as Side, this.composeSide(i, alone[i]!)]));
    const layered = drawing.layers.length > 0;
    this.small = from.isSmall;
    this.screen.show(frame, { compositor: this.compositor!, layered, small: this.small, takes: shown });
    this.drawnAt = performance.now();
    if (this.told.playing.peek()) await stage.prefetch(this.ahead(frame)).catch(() => undefined); // told when it is due
  }

  /** Composes a take that is looked at beside the wipe, by a compositor of its own. */
  private composeSide(index: number, drawing: Drawing): Compositor {
    const compositor = (this.sides[index] ??= this.makeCompositor());
    compositor.compose(drawing);
    return compositor;
  }

  private async showStill(frame: number): Promise<void> {
    if (!(await this.exact.load(frame, this.screen.views())) || !this.clock) return;
    this.told.exactShown.value = true;
    this.screen.show(frame, null);
  }

  private ahead(frame: number): number[] {
    const speed = this.told.speed.peek();
    const step = Math.sign(speed) * Math.max(Math.round(Math.abs(speed)), 1);
    return Array.from({ length: AHEAD }, (_, i) => frame + (i + 1) * step);
  }

  private liveText(): string {
    const live = this.layers.every(({ on, adjustment }) => !on || isLive(adjustment, this.stage!.scale));
    if (!live) return "A matte this soft or choked is exact once paused; the preview stops before";
    return capabilityText(this.told.capability.peek() ?? "exact", this.compositor!.name);
  }

  /** After a while without requests: the whole frame, if it was drawn at half the size, and then the exact picture. */
  private rest(): void {
    clearTimeout(this.resting);
    this.fast = false; // unless the next seek comes soon
    if (!this.stage || this.told.playing.peek()) return;
    const next = () => (this.small ? this.newest.request(this.wanted) : void this.showExact());
    this.resting = setTimeout(next, this.small ? FAST : PAUSED);
  }

  private async showExact(): Promise<void> {
    if (this.told.playing.peek() || this.told.overlay.peek() || this.told.checkerboard.peek()) return; // only drawn here
    const sides = this.screen.views().filter((side) => side !== "matte");
    if (!(await this.exact.load(this.told.frame.peek(), sides))) return;
    this.told.exactShown.value = true;
    this.screen.draw();
  }

  private forgetExact(): void {
    clearTimeout(this.resting);
    if (!this.stage) return; // stills stay until the next has come
    this.exact.forget();
    this.told.exactShown.value = false;
  }

  /** Another view or mark needs other exact pictures: an effect of those. */
  private lookAgain(): void {
    this.screen.views();
    void [this.told.overlay.value, this.told.checkerboard.value, this.told.table.value];
    untracked(() => {
      if (!this.clock) return;
      if (!this.stage || this.screen.takes().length) return this.refresh();
      this.forgetExact();
      this.screen.draw();
      this.rest();
    });
  }

  private restartSound(): void {
    void this.told.muted.value;
    if (this.told.playing.peek()) this.play(this.told.speed.peek());
  }

  private fail(error: unknown): void {
    this.told.status.value = error instanceof Error ? error.message : String(error);
  }
}
