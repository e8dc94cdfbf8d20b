/** Asynchronous work of which only the newest request counts: one runs, and then at once the last that came. */

export class Newest<Request> {
  private waiting: { request: Request } | null = null;
  private running = false;

  /** `idle` is called when nothing is left to do; errors go to `failed`. */
  constructor(
    private readonly work: (request: Request, isNewest: () => boolean) => Promise<void>,
    private readonly idle: () => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  request(request: Request): void {
    this.waiting = { request };
    if (!this.running) void this.run();
  }

  /** Forgets what waits; what runs is told that it is not the newest by the next request only. */
  cancel(): void {
    this.waiting = null;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting) {
      const { request } = this.waiting;
      this.waiting = null;
      await this.work(request, () => this.waiting === null).catch(this.failed);
    }
    this.running = false;
    this.idle();
  }
}
