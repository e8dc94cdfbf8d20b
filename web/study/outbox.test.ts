import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../shared/call";
import { Outbox, type Told, type Waiting } from "./outbox";
import { memoryShelf } from "./shelf";

const answer = (attempt: string): Waiting["answer"] => ({
  attempt,
  sides: { preservation: "left", compliance: "right", quality: "left" },
  record: {} as Waiting["answer"]["record"],
});

function made(send: (one: Waiting) => Promise<unknown>) {
  const told: Told[] = [];
  const shelf = memoryShelf();
  return { told, shelf, outbox: new Outbox("s", shelf, (one) => told.push(one), send) };
}

const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the outbox", () => {
  it("sends in order, and holds each answer until it is kept", async () => {
    const sent: number[] = [];
    const { outbox, shelf } = made(async (one) => {
      expect((await shelf.all("s")).map((waiting) => waiting.trial)).toContain(one.trial);
      sent.push(one.trial);
    });
    await Promise.all([outbox.add(0, answer("a")), outbox.add(1, answer("b")), outbox.add(2, answer("c"))]);
    await outbox.flush();
    expect(sent).toEqual([0, 1, 2]);
    expect(await shelf.all("s")).toEqual([]);
  });

  it("tries again for as long as the network, the server or its database is away", async () => {
    const answers = [0, 503, 500, 429];
    const { outbox, told, shelf } = made(async () => {
      const status = answers.shift();
      if (status !== undefined) throw new ApiError(status, "away");
    });
    await outbox.add(0, answer("a"));
    await settled();
    expect(told.at(-1)).toMatchObject({ kind: "waiting", left: 1 });
    expect(await shelf.all("s")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told.at(-1)).toEqual({ kind: "sent", left: 0 });
    expect(await shelf.all("s")).toEqual([]);
  });

  it("sends the same attempt again, so that the server knows it", async () => {
    const attempts: string[] = [];
    const { outbox } = made(async (one) => {
      attempts.push(one.answer.attempt);
      if (attempts.length < 3) throw new ApiError(0, "away");
    });
    await outbox.add(0, answer("same"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempts).toEqual(["same", "same", "same"]);
  });

  it("gives way to another tab's answer, and goes on", async () => {
    const { outbox, told, shelf } = made(async (one) => {
      if (one.trial === 0) throw new ApiError(409, "answered");
    });
    await outbox.add(0, answer("a"));
    await outbox.add(1, answer("b"));
    await outbox.flush();
    expect(told).toContainEqual({ kind: "other", trial: 0 });
    expect(await shelf.all("s")).toEqual([]);
  });

  it("is told of another tab's answer that was kept while its own was being written down", async () => {
    const shelf = memoryShelf();
    const kept: string[] = [];
    const told: Told[] = [];
    const server = async (one: Waiting) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (kept.length && kept[0] !== one.answer.attempt) throw new ApiError(409, "answered");
      kept[0] = one.answer.attempt;
    };
    const slow = { ...shelf, put: (one: Waiting) => shelf.put(one).then(() => new Promise<void>((resolve) => setTimeout(resolve, 200))) };
    const first = new Outbox("s", shelf, () => {}, server);
    const second = new Outbox("s", slow, (one) => told.push(one), server);
    await first.add(0, answer("a"));
    await vi.advanceTimersByTimeAsync(50);
    void second.add(0, answer("b"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(kept).toEqual(["a"]);
    expect(told).toContainEqual({ kind: "other", trial: 0 });
    expect(await shelf.all("s")).toEqual([]);
  });

  it("takes up what an earlier page has left", async () => {
    const sent: string[] = [];
    const { outbox, shelf } = made(async (one) => void sent.push(one.answer.attempt));
    await shelf.put({ session: "s", trial: 0, answer: answer("left") });
    await outbox.load();
    expect(outbox.waiting()).toHaveLength(1);
    await outbox.flush();
    expect(sent).toEqual(["left"]);
    expect(await shelf.all("s")).toEqual([]);
  });

  it("sends answers that the browser's own database does not take", async () => {
    const full = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
    const sent: string[] = [];
    const told: Told[] = [];
    const send = async (one: Waiting) => void sent.push(one.answer.attempt);
    const outbox = new Outbox("s", { put: full, all: full, remove: full }, (one) => told.push(one), send);
    await outbox.load();
    await outbox.add(0, answer("a"));
    await outbox.add(1, answer("b"));
    await outbox.flush();
    expect(sent).toEqual(["a", "b"]);
    expect(told.at(-1)).toEqual({ kind: "sent", left: 0 });
  });

  it("keeps answers when the session is closed", async () => {
    const { outbox, told, shelf } = made(async () => {
      throw new ApiError(401, "open your link");
    });
    await outbox.add(0, answer("a"));
    await settled();
    expect(told.at(-1)).toEqual({ kind: "closed", why: "open your link" });
    expect(await shelf.all("s")).toHaveLength(1);
  });

  it("sends and keeps nothing more after a withdrawal, and says nothing of it", async () => {
    let refuse = (_: ApiError): void => undefined;
    const { outbox, told, shelf } = made(() => new Promise((_, reject) => (refuse = reject)));
    await outbox.add(0, answer("a"));
    await outbox.add(1, answer("b"));
    await outbox.drop();
    refuse(new ApiError(404, "there is no such session"));
    await settled();
    expect(told).toEqual([]);
    expect(outbox.waiting()).toEqual([]);
    expect(await shelf.all("s")).toEqual([]);
  });
});
