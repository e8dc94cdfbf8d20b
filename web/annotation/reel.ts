// Pictures of a view, loaded a few at a time, those first that are wanted next.
import { signal, type Signal } from "@preact/signals";
import { picturePath, type View } from "./api";

const AT_ONCE = 4;

export class Reel {
  /** Counts up whenever a picture has come. */
  readonly loaded: Signal<number> = signal(0);
  private pictures: (ImageBitmap | undefined)[] = [];
  private asked = new Set<number>();
  private wanted = 0;
  private running = 0;
  private closed = false;
  private failures = 0;

  constructor(
    readonly lease: string,
    readonly view: View,
    readonly count: number,
    private version = "",
  ) {}

  /** The picture of a frame, or the nearest one before it that is there. */
  at(frame: number): ImageBitmap | undefined {
    this.wanted = frame;
    this.load();
    return this.pictures[frame];
  }

  has(frame: number): boolean {
    return this.pictures[frame] !== undefined;
  }

  /** Load all pictures again, as they are by now. */
  renew(version: string): void {
    if (version === this.version) return;
    this.version = version;
    this.asked.clear();
    this.load();
  }

  close(): void {
    this.closed = true;
    for (const picture of this.pictures) picture?.close();
    this.pictures = [];
  }

  private load(): void {
    while (this.running < AT_ONCE && !this.closed) {
      const frame = this.nextFrame();
      if (frame === null) return;
      this.asked.add(frame);
      this.running++;
      void this.fetch(frame).finally(() => {
        this.running--;
        this.load();
      });
    }
  }

  private nextFrame(): number | null {
    for (let step = 0; step < this.count; step++) {
      const frame = (this.wanted + step) % this.count;
      if (!this.asked.has(frame)) return frame;
    }
    return null;
  }

  private async fetch(frame: number): Promise<void> {
    const version = this.version;
    try {
      const response = await fetch(picturePath(this.lease, this.view, frame) + version);
      if (!response.ok) throw new Error(response.statusText);
      const picture = await createImageBitmap(await response.blob());
      if (this.closed || version !== this.version) return picture.close();
      this.pictures[frame]?.close();
      this.pictures[frame] = picture;
      this.failures = 0;
      this.loaded.value++;
    } catch {
      await new Promise((done) => setTimeout(done, Math.min(8000, 500 * 2 ** this.failures++)));
      if (version === this.version) this.asked.delete(frame);
    }
  }
}
