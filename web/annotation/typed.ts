// What is typed before it is sent, which outlives a reload of the page.
import { useState } from "preact/hooks";
import type { Work } from "./api";
import { person } from "./task";

/** A state of one task that is read again where the same person is shown the same; `first` until something is typed. */
export function useTyped<T>({ gate, of }: Work, what: string, first: T): [T, (typed: T) => void] {
  const place = `vera-typed ${person.peek()} ${gate} ${what} ${JSON.stringify(of)}`;
  const [typed, setTyped] = useState<T>(() => JSON.parse(sessionStorage.getItem(place) ?? "null") ?? first);
  return [
    typed,
    (value) => {
      sessionStorage.setItem(place, JSON.stringify(value));
      setTyped(value);
    },
  ];
}
