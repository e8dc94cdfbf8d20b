import { expect, test } from "vitest";
import { refusal } from "../api/errors";
import { duration, secondsPerFrame } from "../state/estimate";
import { EMPTY, formOfManifest, formOfTake, framesOf, requestOf, requestOfTake } from "../state/form";
import { hrefOf, parseRoute, type Route } from "../state/route";
import { parseSeeds } from "../state/seeds";
import { makeJob, makeTake } from "./server";

test("seeds", () => {
  expect(parseSeeds("3")).toEqual([3]);
  expect(parseSeeds(" 1, 5, 9-11 ")).toEqual([1, 5, 9, 10, 11]);
  expect(parseSeeds("2,2,1-3")).toEqual([2, 1, 3]);
  for (const wrong of ["", "a", "-1", "1.5", "3-1", "0-99", "9999999999", "1,,2"]) expect(() => parseSeeds(wrong)).toThrow();
});

test("a request says what differs from the model's own", () => {
  const form = { ...EMPTY, instruction: " Add a hat ", seeds: "0-1" };
  expect(requestOf(form, 100, null)).toEqual({ instruction: "Add a hat", seeds: [0, 1], model: "nano" });
  expect(requestOf({ ...form, first: 10, last: 18, steps: 4, quality: true, region: [1, 2, 30, 40] }, 100, "m")).toEqual({
    instruction: "Add a hat",
    seeds: [0, 1],
    model: "nano",
    quality: true,
    steps: 4,
    mask: "m",
    region: [1, 2, 30, 40],
    start: 10,
    frames: 9,
  });
  expect(() => requestOf(EMPTY, 100, null)).toThrow("Write what to change");
  expect(() => requestOf({ ...form, first: 120 }, 100, null)).toThrow("no frame");
});

test("frames of a form end where the clip does", () => {
  expect(framesOf({ ...EMPTY, first: 90, last: 500 }, 100)).toBe(10);
  expect(framesOf(EMPTY, 100)).toBe(100);
});

test("a take's settings come back into the form, and its next seed is asked with them", () => {
  const settings = { model: "nano", quality: false, steps: 4, guidance: null, mask: null, region: null, start: 5, frames: 9 };
  const take = makeTake({ seed: 7, settings });
  expect(requestOf(formOfTake(take), 100, null)).toEqual({ instruction: take.instruction, seeds: [7], model: "nano", steps: 4, start: 5, frames: 9 });
  expect(requestOfTake(take, 8)).toEqual({ instruction: take.instruction, seeds: [8], model: "nano", quality: false, steps: 4, start: 5, frames: 9 });
});

test("a manifest gives its settings, anything else a line", () => {
  const manifest = { format: 1, pts: [0, 1], time_base: "1/25", metadata: { instruction: "Add a hat", seed: 4, model: "nano", steps: 8 } };
  expect(formOfManifest(JSON.stringify(manifest), "manifest.json", [])).toMatchObject({ instruction: "Add a hat", seeds: "4", model: "nano", steps: 8 });
  for (const wrong of ["", "{}", "[1]", "null", '{"pts": [0], "metadata": null}']) {
    expect(() => formOfManifest(wrong, "manifest.json", [])).toThrow("manifest.json: is not the manifest of a layer folder");
  }
});

test("the settings of a manifest ask for the model that made it", () => {
  const models = [{ name: "nano", title: "nano", steps: 8, guidance: 1, quality: true, student: "nano-8-steps" }];
  const asked = (told: object) => {
    const manifest = { pts: [0], metadata: { instruction: "Add a hat", seed: 4, model: "nano", ...told } };
    return requestOf(formOfManifest(JSON.stringify(manifest), "manifest.json", models), 100, null);
  };
  const hat = { instruction: "Add a hat", seeds: [4], model: "nano" };
  expect(asked({ lora: ["nano-8-steps"], steps: 8, guidance: 1 })).toEqual(hat);
  expect(asked({ lora: [], steps: 12, guidance: 2 })).toEqual({ ...hat, steps: 12, guidance: 2 });
  const loras = { lora: [{ name: "looks/a:b", scale: 0.5 }, { name: "other", scale: 1 }] };
  expect(asked({ lora: ["looks/a:b:0.500000", "other"], steps: 8, guidance: 1 })).toEqual({ ...hat, steps: 8, guidance: 1, ...loras });
  expect(asked({ model: { name: "lucy" } })).toEqual({ ...hat, model: "lucy" });
});

test("addresses and routes are each other's inverse", () => {
  const routes: Route[] = [{ page: "start" }, { page: "queue" }, { page: "edit", project: "a b/c" }, { page: "export", project: "x" }];
  for (const route of routes) expect(parseRoute(hrefOf(route))).toEqual(route);
  for (const hash of ["", "#", "#/edit", "#/nowhere/x"]) expect(parseRoute(hash)).toEqual({ page: "start" });
  expect(parseRoute("#/edit/%E0%A4")).toEqual({ page: "edit", project: "%E0%A4" });
});

test("the estimate is the median of takes asked alike", () => {
  const effort = { model: "nano", quality: false, steps: 4 };
  const clip = { id: "c", frames: 20 };
  const job = (seconds: number, spec: object) => makeJob({ state: "done", started: 100, ended: 100 + seconds, spec: { model: "nano", steps: 4, frames: 10, ...spec } });
  expect(secondsPerFrame([], effort, clip)).toBeNull();
  const jobs = [job(10, {}), job(20, {}), job(90, {}), job(500, { steps: 8 }), job(500, { model: "lucy" })];
  expect(secondsPerFrame(jobs, effort, clip)).toBe(2);
  expect(secondsPerFrame([job(40, { frames: null, clip: "c" })], effort, clip)).toBe(2);
});

test("durations in words", () => {
  expect([0.2, 40, 200, 4800].map(duration)).toEqual(["1 s", "40 s", "3 min", "80 min"]);
  expect(duration(6000)).toBe("1 h 40 min");
});

test("the server's refusals are one line", () => {
  expect(refusal(422, { detail: "frame 9: the clip has 0 to 8" }).message).toBe("frame 9: the clip has 0 to 8");
  expect(refusal(422, { detail: [{ loc: ["body", "seeds", 0], msg: "too large" }] }).message).toBe("seeds.0: too large");
  expect(refusal(502, null).message).toBe("The server answered 502");
});
