/** A time, in seconds since 1970, as people write it. */
export const when = (time: number): string =>
  new Date(time * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
