import { signal } from "@preact/signals";
import { beforeEach, expect, test } from "vitest";
import { change, closeStep, forget, record, redo, redoLabel, undo, undoLabel } from "../state/history";

beforeEach(forget);

test("every change is undone and done again, in order", async () => {
  const value = signal(0);
  for (const next of [1, 2, 3]) change(value, next, `to ${next}`);
  const seen = [];
  while (undoLabel.value) seen.push([await undo(), value.value]);
  expect(seen).toEqual([["to 3", 2], ["to 2", 1], ["to 1", 0]]);
  while (redoLabel.value) await redo();
  expect(value.value).toBe(3);
  expect(await redo()).toBeNull();
});

test("a drag of a slider is one step, two drags are two", async () => {
  const value = signal(0);
  for (let i = 1; i <= 50; i++) change(value, i, "Opacity", "0 opacity", i);
  closeStep();
  for (let i = 51; i <= 60; i++) change(value, i, "Opacity", "0 opacity", i);
  await undo();
  expect(value.value).toBe(50);
  await undo();
  expect(value.value).toBe(0);
  await redo();
  expect(value.value).toBe(50);
});

test("changes of one field with a pause between them, or of two fields, are steps of their own", async () => {
  const value = signal(0);
  change(value, 1, "a", "a", 0);
  change(value, 2, "a", "a", 5000);
  change(value, 3, "b", "b", 5001);
  await undo();
  expect(value.value).toBe(2);
  await undo();
  expect(value.value).toBe(1);
});

test("a new change takes away what could be done again", async () => {
  const value = signal(0);
  change(value, 1, "one");
  await undo();
  change(value, 2, "two");
  expect(redoLabel.value).toBeNull();
  expect(undoLabel.value).toBe("two");
});

test("no change is no step", () => {
  change(signal(1), 1, "nothing");
  expect(undoLabel.value).toBeNull();
});

test("a step that the server refuses to undo is kept", async () => {
  const refuse = () => Promise.reject(new Error("no"));
  record({ label: "Delete a take", undo: refuse, redo: refuse });
  await expect(undo()).rejects.toThrow("no");
  expect(undoLabel.value).toBe("Delete a take");
});

test("steps that wait for the server are taken back one after the other", async () => {
  const value = signal(0);
  const seen: string[] = [];
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    seen.push(`slow at ${value.value}`);
  };
  change(value, 1, "one");
  record({ label: "Delete a take", undo: slow, redo: slow });
  await Promise.all([undo(), undo()]);
  expect(seen).toEqual(["slow at 1"]);
  expect([await redo(), value.value]).toEqual(["one", 1]);
  expect(await redo()).toBe("Delete a take");
});

test("a step that was on its way is not done again in another project, nor after a change", async () => {
  const slow = () => new Promise<void>((resolve) => setTimeout(resolve, 10));
  record({ label: "Delete a take", undo: slow, redo: slow });
  let moved = undo();
  await Promise.resolve();
  forget();
  await moved;
  expect(redoLabel.value).toBeNull();
  record({ label: "Delete a take", undo: slow, redo: slow });
  moved = undo();
  await Promise.resolve();
  change(signal(0), 1, "one");
  await moved;
  expect([undoLabel.value, redoLabel.value]).toEqual(["one", null]);
});
