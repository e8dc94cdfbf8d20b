import { describe, expect, it } from "vitest";
import { deedOf, KEYS } from "./keys";
import { Recorder } from "./record";

const screen = { innerWidth: 390.4, innerHeight: 844, devicePixelRatio: 3 };

describe("the record of a trial", () => {
  it("counts and times from its beginning", () => {
    let now = 5000;
    const recorder = new Recorder(1000, () => now);
    recorder.note("play");
    now += 2000;
    recorder.note("pass");
    recorder.note("heat", "on");
    recorder.note("heat", "on");
    now += 700;
    recorder.note("heat", "off");
    now += 100;
    recorder.note("heat", "on");
    recorder.note("hidden");
    now += 300;
    expect(recorder.take(screen)).toMatchObject({
      rt: 3100, time_elapsed: 7100, passes: 1, heat_shown: 2, heat_ms: 1000, hidden: 1, width: 390, height: 844, device: 3,
    });
    expect(recorder.take(screen).events.map((event) => event.t)).toEqual([0, 2000, 2000, 2000, 2700, 2800, 2800]);
  });
  it("holds no more events than the server takes", () => {
    const recorder = new Recorder(0, () => 0);
    for (let number = 0; number < 2000; number += 1) recorder.note("pass");
    expect(recorder.take(screen).events).toHaveLength(500);
    expect(recorder.take(screen).passes).toBe(2000);
  });
});

describe("keys", () => {
  const press = (key: string, more = {}) => deedOf({ key, ctrlKey: false, metaKey: false, altKey: false, target: null, ...more });
  it("choose by the letters that stand on the buttons", () => {
    for (const [question, letters] of Object.entries(KEYS)) {
      letters.forEach((letter, place) => {
        const deed = { kind: "choose", question, side: place ? "right" : "left" };
        expect(press(letter)).toEqual(deed);
        expect(press(letter.toLowerCase())).toEqual(deed);
      });
    }
  });
  it("leave the browser's own and a button's own alone", () => {
    expect(press("r", { ctrlKey: true })).toBeNull();
    expect(press("x")).toBeNull();
    expect(press("Enter")).toEqual({ kind: "next" });
    expect(press("Enter", { target: { tagName: "BUTTON" } })).toBeNull();
    expect(press(" ", { target: { tagName: "INPUT" } })).toBeNull();
    expect(press("Enter", { target: { tagName: "INPUT" } })).toEqual({ kind: "next" });
    expect(press("q", { target: { tagName: "BUTTON" } })).toMatchObject({ kind: "choose" });
  });
});
