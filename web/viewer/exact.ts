/** The server's exact pictures of the frame that is shown: taken over when they have come, all at once. */

import type { View, ViewerOptions } from "./types";

export class ExactPictures {
  private held = new Map<View, ImageBitmap>();
  private order = 0;

  constructor(private readonly ask: NonNullable<ViewerOptions["exact"]>) {}

  get(view: View): ImageBitmap | null {
    return this.held.get(view) ?? null;
  }

  /** The pictures of `views`, in place of those held; false if they were forgotten meanwhile or none has come. */
  async load(frame: number, views: View[]): Promise<boolean> {
    const order = ++this.order;
    const pictures = await Promise.all(views.map((view) => this.ask(frame, view).catch(() => null)));
    const found = new Map(views.flatMap((view, i) => (pictures[i] ? [[view, pictures[i]] as const] : [])));
    if (order !== this.order) {
      close(found);
      return false;
    }
    close(this.held);
    this.held = found;
    return found.size > 0;
  }

  /** Whether something was held. */
  forget(): boolean {
    this.order++;
    const some = this.held.size > 0;
    close(this.held);
    this.held = new Map();
    return some;
  }
}

function close(pictures: Map<View, ImageBitmap>): void {
  for (const picture of pictures.values()) picture.close();
}
