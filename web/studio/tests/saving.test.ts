import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../shared/call";
import { makeSaver } from "../state/saving";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function make(write: (value: number, etag: string) => Promise<string>) {
  const [onConflict, onError] = [vi.fn(), vi.fn()];
  return { saver: makeSaver<number>({ etag: "0", write, onConflict, onError }), onConflict, onError };
}

test("many changes are one request with the newest value", async () => {
  const write = vi.fn(async () => "1");
  const { saver } = make(write);
  for (let i = 0; i < 20; i++) saver.save(i);
  expect(saver.state.value).toBe("waiting");
  await vi.advanceTimersByTimeAsync(1000);
  expect(write.mock.calls).toEqual([[19, "0"]]);
  expect(saver.state.value).toBe("saved");
});

test("what changes while a request is on its way follows it, on the tag that it brought", async () => {
  let version = 0;
  const sent: [number, string][] = [];
  const { saver } = make(async (value, etag) => {
    sent.push([value, etag]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    return String(++version);
  });
  saver.save(1);
  const first = saver.flush();
  saver.save(2);
  await vi.advanceTimersByTimeAsync(2000);
  await first;
  expect(sent).toEqual([[1, "0"], [2, "1"]]);
  expect(saver.state.value).toBe("saved");
});

test("whoever waits for a save that fails waits for it alone: nothing is on its way afterwards", async () => {
  const write = vi.fn(async () => Promise.reject(new Error("The server does not answer")));
  const { saver } = make(write);
  saver.save(1);
  await Promise.all([saver.flush(), saver.flush()]);
  saver.reset("1");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(write).toHaveBeenCalledTimes(1);
});

test("a conflict writes nothing more until somebody decides", async () => {
  const write = vi.fn(async () => Promise.reject(new ApiError(412, "changed")));
  const { saver, onConflict } = make(write);
  saver.save(1);
  await vi.advanceTimersByTimeAsync(1000);
  saver.save(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(write).toHaveBeenCalledTimes(1);
  expect(onConflict).toHaveBeenCalledTimes(1);
  expect(saver.state.value).toBe("conflict");
  saver.reset("9");
  expect(saver.state.value).toBe("saved");
});

test("while the server is away the value is kept, and sent when it is back", async () => {
  let down = true;
  const got: number[] = [];
  const { saver, onError } = make(async (value) => {
    if (down) throw new Error("The server does not answer");
    got.push(value);
    return "1";
  });
  saver.save(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(saver.state.value).toBe("failed");
  saver.save(2);
  down = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(got).toEqual([2]);
  expect(onError).toHaveBeenCalled();
  expect(saver.state.value).toBe("saved");
});

/** A server that takes the same change twice, and whose answers may be lost. */
function serverOf() {
  const held = { value: 0, reached: true, answers: true };
  async function write(value: number, etag: string): Promise<string> {
    if (!held.reached) throw new Error("The server does not answer");
    if (value !== held.value && etag !== String(held.value)) throw new ApiError(412, "changed");
    held.value = value;
    if (!held.answers) throw new Error("The server does not answer");
    return String(value);
  }
  return { held, write };
}

test("a change whose answer was lost is nobody else's, also when more was changed since", async () => {
  const { held, write } = serverOf();
  const { saver, onConflict } = make(write);
  held.answers = false;
  saver.save(1);
  await vi.advanceTimersByTimeAsync(1000);
  held.reached = false;
  saver.save(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(saver.state.value).toBe("failed");
  held.reached = held.answers = true;
  saver.save(3);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(saver.state.value).toBe("saved");
  expect(held.value).toBe(3);
  expect(onConflict).not.toHaveBeenCalled();
});

test("a change of somebody else is told, also after one whose answer was lost", async () => {
  const { held, write } = serverOf();
  const { saver, onConflict } = make(write);
  held.answers = false;
  saver.save(1);
  await vi.advanceTimersByTimeAsync(1000);
  held.answers = true;
  held.value = 7;
  saver.save(2);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(saver.state.value).toBe("conflict");
  expect(held.value).toBe(7);
  expect(onConflict).toHaveBeenCalledTimes(1);
});
