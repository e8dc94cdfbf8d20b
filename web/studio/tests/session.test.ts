import { beforeEach, expect, test, vi } from "vitest";
import { binTake, edit, generate, layTake, nextSeed, removeLayer } from "../state/acts";
import { form } from "../state/form";
import { undo, undoLabel } from "../state/history";
import { clip, close, doc, keepMine, loadTheirs, layer, open, projectId, readClip, readTakes, saveNow, saveState, selected, takes } from "../state/session";
import { withLayer } from "../state/doc";
import { NEUTRAL } from "../state/adjustment";
import { notices } from "../state/notices";
import { CLIP, FakeServer, makeTake } from "./server";

let server: FakeServer;
const stored = new Map<string, string>();

beforeEach(async () => {
  await close();
  stored.clear();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, value: string) => void stored.set(name, value),
    removeItem: (name: string) => void stored.delete(name),
  });
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  notices.value = [];
  await open("project1");
});

const rename = (name: string) => edit((now) => ({ ...now, name }), "Rename");

test("what is changed is saved, undone and saved again", async () => {
  rename("new");
  await saveNow();
  expect(server.project.name).toBe("new");
  await undo();
  await saveNow();
  expect(server.project.name).toBe("bikes");
});

test("opening a project saves nothing", async () => {
  await saveNow();
  expect(server.requests.filter(({ method }) => method !== "GET")).toEqual([]);
});

test("another window's change is not written over: load theirs", async () => {
  server.save({ name: "theirs" });
  rename("mine");
  await expect(saveNow()).rejects.toThrow("could not be saved");
  expect(saveState.value).toBe("conflict");
  expect(server.project.name).toBe("theirs");
  await loadTheirs();
  expect(doc.value!.name).toBe("theirs");
  rename("both");
  await saveNow();
  expect(server.project.name).toBe("both");
});

test("or keep mine", async () => {
  server.save({ name: "theirs" });
  rename("mine");
  await expect(saveNow()).rejects.toThrow();
  await keepMine();
  await saveNow();
  expect(server.project.name).toBe("mine");
});

test("what could not be saved is there when the project is opened again", async () => {
  rename("kept");
  server.down = true;
  await expect(saveNow()).rejects.toThrow();
  expect(notices.value[0]!.text).toContain("does not answer");
  await close();
  server.down = false;
  await open("project1");
  expect(doc.value!.name).toBe("kept");
  await saveNow();
  expect(server.project.name).toBe("kept");
  expect([...stored.keys()].filter((name) => name.includes("unsaved"))).toEqual([]);
});

test("the line of a failed save goes once it is saved", async () => {
  server.down = true;
  rename("later");
  await expect(saveNow()).rejects.toThrow();
  expect(notices.value).toHaveLength(1);
  server.down = false;
  await saveNow();
  expect(notices.value).toEqual([]);
});

test("what could not be saved waits for its project, whichever is opened meanwhile", async () => {
  const other = new FakeServer();
  other.project = { ...other.project, id: "project2", name: "other" };
  vi.stubGlobal("fetch", (request: Request) => (request.url.includes("project1") ? server : other).fetch(request));
  vi.useFakeTimers();
  rename("mine");
  server.down = true;
  await vi.advanceTimersByTimeAsync(500);
  expect(saveState.value).toBe("failed");
  await open("project2");
  server.down = false;
  await vi.advanceTimersByTimeAsync(60_000);
  vi.useRealTimers();
  expect([doc.value!.name, server.project.name, other.project.name]).toEqual(["other", "bikes", "other"]);
  await open("project1");
  expect(doc.value!.name).toBe("mine");
  await saveNow();
  expect([server.project.name, other.project.name]).toEqual(["mine", "other"]);
});

test("theirs is not taken for a project that was opened meanwhile", async () => {
  const loading = loadTheirs();
  await close();
  await loading;
  expect(doc.value).toBe(null);
});

test("what waits for a save is not begun in a project that was opened meanwhile", async () => {
  rename("new");
  const closing = close();
  await expect(saveNow()).rejects.toThrow("Another project was opened");
  await closing;
});

test("what is kept is not laid over what others saved since", async () => {
  rename("kept");
  server.down = true;
  await expect(saveNow()).rejects.toThrow();
  await close();
  server.down = false;
  server.save({ name: "theirs" });
  await open("project1");
  expect(doc.value!.name).toBe("theirs");
});

test("takes are asked for each seed; N stops one and asks with the next", async () => {
  form.value = { ...form.value, instruction: "Add a hat", seeds: "4-5", first: 0, last: 8 };
  await generate();
  expect(takes.value.map(({ seed }) => seed)).toEqual([4, 5]);
  await nextSeed(takes.value[0]!);
  expect(server.cancelled).toEqual([takes.value.at(-2)!.job]);
  expect(takes.value[0]).toMatchObject({ seed: 6, instruction: "Add a hat", settings: { frames: 9, model: "nano" } });
});

test("a take that goes to the bin comes back by undo", async () => {
  server.takes = [makeTake({ id: "one", state: "done" })];
  await binTake(server.takes[0]!);
  expect(takes.value[0]!.binned).toBe(true);
  expect(undoLabel.value).toBe("Delete a take");
  await undo();
  expect(takes.value[0]!.binned).toBe(false);
});

test("a layer is laid, adjusted and saved with what differs from neutral", async () => {
  layTake(makeTake({ id: "one", state: "done" }));
  edit((now) => withLayer(now, 0, { adjustment: { ...NEUTRAL, opacity: 0.25 } }), "Opacity");
  await saveNow();
  expect(server.project.layers).toEqual([{ take: "one", on: true, opacity: 0.25 }]);
});

test("the form is there again after a reload", async () => {
  form.value = { ...form.value, instruction: "Add a hat" };
  await close();
  form.value = { ...form.value, instruction: "" };
  await open("project1");
  expect(form.value.instruction).toBe("Add a hat");
});

test("who turns back while the last changes are saved stays in the project", async () => {
  for (const way of [close, () => open("project2")]) {
    rename(`${String(way)}`);
    const leaving = way();
    await open("project1");
    await leaving;
    expect([projectId.value, doc.value?.name]).toEqual(["project1", String(way)]);
  }
});

test("what is read late is not shown: of another project's clip, or older takes", async () => {
  const answers: (() => void)[] = [];
  const held = (request: Request) =>
    new Promise<Response>((resolve, reject) => answers.push(() => void server.fetch(request).then(resolve, reject)));
  vi.stubGlobal("fetch", held);
  const reading = readClip();
  clip.value = { ...CLIP, id: "clip0002" };
  await vi.waitFor(() => expect(answers).toHaveLength(1));
  answers.pop()!();
  await reading;
  expect(clip.value.id).toBe("clip0002");
  const both = [readTakes(), readTakes()];
  await vi.waitFor(() => expect(answers).toHaveLength(2));
  server.takes = [makeTake({ id: "new" })];
  answers[1]!();
  await both[1];
  server.takes = [];
  answers[0]!();
  await both[0];
  expect(takes.value.map(({ id }) => id)).toEqual(["new"]);
});

test("the offer to take a deletion back is of that take, whatever was done since, and of that project", async () => {
  server.takes = [makeTake({ id: "one", state: "done" }), makeTake({ id: "two", state: "done" })];
  await binTake(server.takes[0]!);
  await binTake(server.takes[1]!);
  rename("later");
  expect(notices.value).toHaveLength(1);
  await notices.value[0]!.action!.run();
  expect(takes.value.map(({ binned }) => binned)).toEqual([true, false]);
  expect(doc.value!.name).toBe("later");
  await close();
  expect(notices.value).toEqual([]);
});

test("a second press while the server has not answered asks for nothing more", async () => {
  form.value = { ...form.value, instruction: "Add a hat", seeds: "4", first: 0, last: 8 };
  await Promise.all([generate(), generate()]);
  expect(takes.value.map(({ seed }) => seed)).toEqual([4]);
  await Promise.all([nextSeed(takes.value[0]!), nextSeed(takes.value[0]!)]);
  expect(takes.value.map(({ seed }) => seed)).toEqual([5, 4]);
  await generate();
  expect(takes.value).toHaveLength(3);
});

test("a layer is chosen wherever there is one, also after undo", async () => {
  layTake(makeTake({ id: "one", state: "done" }));
  removeLayer(0);
  expect(layer.value).toBeNull();
  await undo();
  expect(layer.value?.take).toBe("one");
  layTake(makeTake({ id: "two", state: "done" }));
  await undo();
  expect([selected.value, layer.value?.take]).toEqual([0, "one"]);
});
