/** The most recently used of what takes up memory, up to a number of bytes. */

export class Cache<Value> {
  private readonly held = new Map<string, Value>();
  private total = 0;

  constructor(
    private readonly most: number,
    private readonly weigh: (value: Value) => number,
  ) {}

  get bytes(): number {
    return this.total;
  }

  has(key: string): boolean {
    return this.held.has(key);
  }

  get(key: string): Value | undefined {
    const found = this.held.get(key);
    if (found === undefined) return undefined;
    this.held.delete(key); // to the end, as the newest
    this.held.set(key, found);
    return found;
  }

  set(key: string, value: Value): void {
    this.remove(key);
    this.held.set(key, value);
    this.total += this.weigh(value);
    for (const oldest of this.held.keys()) {
      if (this.total <= this.most || oldest === key) break;
      this.remove(oldest);
    }
  }

  clear(): void {
    this.held.clear();
    this.total = 0;
  }

  private remove(key: string): void {
    const found = this.held.get(key);
    if (found !== undefined) this.total -= this.weigh(found);
    this.held.delete(key);
  }
}
