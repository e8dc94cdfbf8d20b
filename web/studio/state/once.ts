/** What a second press must not begin once more while the server has not answered the first. */

const going = new Map<string, Promise<unknown>>();

/** Run something, unless the same is under way: then share its end. */
export function once<T>(what: string, work: () => Promise<T>): Promise<T> {
  const begun = going.get(what) ?? work().finally(() => going.delete(what));
  going.set(what, begun);
  return begun as Promise<T>;
}
