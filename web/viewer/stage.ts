/** The clip and its layers, open: everything that a frame is drawn from. */

import type { Capability, ClipMedia, LayerMedia, LayerState } from "./types";
import type { Drawing, LayerDrawing } from "./compositor";
import { Cache } from "./decode/cache";
import { copyPlanes } from "./decode/copy";
import { type Frames, trackFrames } from "./decode/frames";
import { type Caches, type OpenLayer, openLayer } from "./decode/layer";
import { Track } from "./decode/track";
import type { Scale } from "./rule/paint";
import { PaintCache } from "./rule/paint_cache";
import { planLayer, proxyScale, type Size } from "./rule/plan";
import type { Planes } from "./rule/planes";

const MEBIBYTE = 2 ** 20;
const PLANES = 96 * MEBIBYTE; // about 70 frames of 720p
const ALPHA = 48 * MEBIBYTE;
const QUARTER = 1 / 4; // of the memory holds as many frames of half the size

interface Layer {
  open: Promise<OpenLayer>;
  paint: PaintCache;
}

export class Stage {
  private readonly layers = new Map<string, Layer>();
  private states: LayerState[] = [];
  private strictChroma = false;
  private small: Stage | null = null;
  private closed = false;

  private constructor(
    readonly track: Track,
    private readonly source: Frames<Planes>,
    private readonly caches: Caches,
    private readonly capability: Capability,
    readonly scale: Scale,
    readonly isSmall: boolean,
  ) {}

  static async open(media: ClipMedia, capability: Capability, isSmall = false): Promise<Stage> {
    const url = isSmall ? media.small! : media.url;
    const track = await Track.open(url);
    const part = isSmall ? QUARTER : 1;
    const caches: Caches = {
      planes: new Cache(part * PLANES, (planes) => planes.y.buffer.byteLength),
      alpha: new Cache(part * ALPHA, (alpha) => alpha.byteLength),
    };
    if (track.count === media.times.length) {
      const source = trackFrames(track, url, caches.planes, copyPlanes);
      return new Stage(track, source, caches, capability, proxyScale(media, track), isSmall);
    }
    track.close();
    throw new Error(`the proxy has ${track.count} frames and the clip ${media.times.length}: make the proxy again`);
  }

  get proxy(): Size {
    return this.track;
  }

  /** Opens the clip's proxy of half the size too; without it frames are drawn whole. */
  async openSmall(media: ClipMedia): Promise<void> {
    if (!media.small) return;
    const small = await Stage.open(media, this.capability, true).catch(() => null);
    if (this.closed) return small?.close();
    small?.setLayers(this.states, this.strictChroma);
    this.small = small;
  }

  /** What draws the layers and `takes` fast: at half the size, or this where one of them has no such proxy. */
  quick(takes: LayerMedia[]): Stage {
    const media = [...this.states.filter(({ on }) => on).map((state) => state.media), ...takes];
    return media.every(({ small }) => small) ? (this.small ?? this) : this;
  }

  /** The layers from now on, and takes that are looked at beside; media that are not among them are closed. */
  setLayers(states: LayerState[], strictChroma: boolean, takes: LayerMedia[] = []): void {
    [this.states, this.strictChroma] = [states, strictChroma];
    const used = new Set([...states.map(({ media }) => media), ...takes].map(nameOf));
    for (const [name, layer] of this.layers) if (!used.has(name)) this.drop(name, layer);
    this.small?.setLayers(states, strictChroma, takes);
    if (!this.isSmall) return;
    for (const { media, on } of states) if (on && media.small) this.openedLayer(media); // by the time that it is to be fast
  }

  /**
   * Everything to draw a source frame, with other layers if they are given. A layer that cannot be had is left out, and `problems` has a line about it;
   * rejects with an Error of one line if the source cannot be had.
   */
  async drawing(frame: number, states = this.states): Promise<Drawing & { problems: string[] }> {
    const shown = states.filter((state) => isShown(state, frame));
    const strictChroma = this.strictChroma;
    const problems: string[] = [];
    const layer = (state: LayerState) =>
      this.layer(state, frame).catch((error: Error) => void problems.push(error.message));
    const [source, ...layers] = await Promise.all([this.source.get(frame), ...shown.map(layer)]);
    return { source, layers: layers.filter((layer) => !!layer), strictChroma, problems };
  }

  /** Decodes frames that will be wanted soon, of what is open already. */
  async prefetch(frames: number[]): Promise<void> {
    const wanted = frames.filter((frame) => frame >= 0 && frame < this.source.count);
    const layers = this.states.map(async (state) => {
      const open = await this.openedLayer(state.media).open;
      const indices = wanted.filter((frame) => isShown(state, frame)).flatMap((frame) => open.indexOf.get(frame) ?? []);
      await Promise.all([open.edit.prefetch(indices), open.alpha.prefetch(indices)]);
    });
    await Promise.all([this.source.prefetch(wanted), ...layers]);
  }

  close(): void {
    this.closed = true;
    this.small?.close();
    for (const [name, layer] of this.layers) this.drop(name, layer);
    this.source.close();
    this.caches.planes.clear();
    this.caches.alpha.clear();
  }

  private async layer({ media, adjustment }: LayerState, frame: number): Promise<LayerDrawing | null> {
    const layer = this.openedLayer(media);
    const open = await layer.open;
    const index = open.indexOf.get(frame);
    if (index === undefined) return null;
    const [edit, alpha] = await Promise.all([open.edit.get(index), open.alpha.get(index)]);
    if (edit.y.length !== alpha.length || edit.width !== this.proxy.width || edit.height !== this.proxy.height) {
      throw new Error(`layer ${media.id} is not of the size of the clip's proxy: make its proxies again`);
    }
    const paint = layer.paint.of(adjustment.paint ?? [], frame, this.proxy, this.scale);
    return { edit, alpha, plan: planLayer(adjustment, this.proxy, this.scale, paint) };
  }

  private openedLayer(media: LayerMedia): Layer {
    const name = nameOf(media);
    const found = this.layers.get(name);
    if (found) return found;
    const files = this.isSmall ? { ...media, ...media.small } : media;
    const layer = { open: openLayer(files, this.capability, this.caches), paint: new PaintCache() };
    layer.open.catch(() => this.layers.delete(name)); // to be tried again at the next frame
    this.layers.set(name, layer);
    return layer;
  }

  private drop(name: string, layer: Layer): void {
    this.layers.delete(name);
    layer.open.then(({ close }) => close()).catch(() => undefined);
  }
}

/** One take may lie in the stack twice, and its files may be made anew under other URLs. */
function nameOf({ id, edit, alpha }: LayerMedia): string {
  return [id, edit, alpha].join(" ");
}

function isShown({ on, adjustment }: LayerState, frame: number): boolean {
  const [first, last] = adjustment.range ?? [null, null];
  return on && adjustment.opacity !== 0 && frame >= (first ?? 0) && frame <= (last ?? Infinity);
}
