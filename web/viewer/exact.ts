/** The server's exact pictures of the frame that is shown: taken over when they have come, all at once. */

import type { Side, ViewerOptions } from "./types";

export class ExactPictures {
  private held = new Map<Side, ImageBitmap>();
  private asking = new AbortController();

  constructor(private readonly ask: NonNullable<ViewerOptions["exact"]>) {}

  get(side: Side): ImageBitmap | null {
    return this.held.get(side) ?? null;
  }

  /**
   * The pictures of `sides`, in place of those held; false if they were forgotten meanwhile or none has come. Those of
   * another frame that are still on their way are no longer wanted.
   */
  async load(frame: number, sides: Side[]): Promise<boolean> {
    const signal = this.renew();
    const pictures = await Promise.all(sides.map((side) => this.ask(frame, side, signal).catch(() => null)));
    const found = new Map(sides.flatMap((side, i) => (pictures[i] ? [[side, pictures[i]] as const] : [])));
    if (signal.aborted) {
      close(found);
      return false;
    }
    close(this.held);
    this.held = found;
    return found.size > 0;
  }

  /** Whether something was held. */
  forget(): boolean {
    this.renew();
    const some = this.held.size > 0;
    close(this.held);
    this.held = new Map();
    return some;
  }

  private renew(): AbortSignal {
    this.asking.abort();
    this.asking = new AbortController();
    return this.asking.signal;
  }
}

function close(pictures: Map<Side, ImageBitmap>): void {
  for (const picture of pictures.values()) picture.close();
}
