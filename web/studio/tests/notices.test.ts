import { beforeEach, expect, test } from "vitest";
import { notices, say } from "../state/notices";

beforeEach(() => void (notices.value = []));
const texts = () => notices.value.map(({ text }) => text);

test("what is merely told makes room before errors do", () => {
  say("broken", "error");
  for (const text of ["one", "two", "three", "four", "five"]) say(text);
  expect(texts()).toEqual(["broken", "three", "four", "five"]);
  for (const text of ["a", "b", "c"]) say(text, "error");
  expect(texts()).toEqual(["broken", "a", "b", "c"]);
  say("six");
  expect(texts()).toEqual(["broken", "a", "b", "c", "six"]);
  say("d", "error");
  expect(texts()).toEqual(["broken", "a", "b", "c", "d"]);
  say("e", "error");
  expect(texts()).toEqual(["a", "b", "c", "d", "e"]);
});
