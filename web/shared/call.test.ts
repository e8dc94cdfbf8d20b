import { afterEach, expect, it, vi } from "vitest";
import { call, reach } from "./call";

afterEach(() => void vi.restoreAllMocks());

/** A network that never answers: a call ends by its signal alone. */
function silent(): void {
  vi.spyOn(globalThis, "fetch").mockImplementation(
    (_, told) =>
      new Promise((_, fail) => {
        const stop = () => fail(told!.signal!.reason);
        if (told!.signal!.aborted) stop();
        told!.signal!.addEventListener("abort", stop);
      }),
  );
}

it("ends a call that nobody answers", async () => {
  silent();
  const asked = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort(new DOMException("late", "TimeoutError")));
  await expect(call("PUT", "/answers", {})).rejects.toMatchObject({ name: "Error", status: 0, message: "The server cannot be reached." });
  expect(asked).toHaveBeenCalledWith(60_000);
});

it("passes on that its caller has stopped it", async () => {
  silent();
  await expect(reach("GET", "/masks", undefined, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});

it("does not take an answer that breaks off for a whole one", async () => {
  const broken = new ReadableStream({ pull: (stream) => stream.error(new TypeError("network")) });
  vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response(broken));
  await expect(call("GET", "/state")).rejects.toMatchObject({ status: 0 });
});

it("tells what the server said", async () => {
  vi.spyOn(globalThis, "fetch").mockResolvedValue(Response.json({ detail: "no such session" }, { status: 404 }));
  await expect(call("GET", "/state")).rejects.toMatchObject({ status: 404, message: "no such session" });
});
