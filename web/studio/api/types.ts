/** What the server says, by the names of its own models. */

import type { Adjustment as Changes } from "../../viewer/types";

export type { BlendMode, Stroke } from "../../viewer/types";

/** With every field. */
export type Adjustment = Required<Changes>;

export type LayerLine = { take: string; on: boolean } & Changes;

export interface Model {
  name: string;
  title: string;
  steps: number | null;
  guidance: number | null;
  quality: boolean;
}

export interface About {
  version: string;
  roots: { id: string; name: string }[];
  models: Model[];
  limits: Record<string, number>;
  open: { clip?: string | null; project?: string | null };
  demo: boolean;
}

export interface Entry {
  name: string;
  inside: string;
  kind: "folder" | "clip" | "sequence" | "layers" | "project";
}

export interface Clip {
  id: string;
  name: string;
  width: number;
  height: number;
  frames: number;
  times: number[];
  rate: number;
  duration: number;
  pix_fmt: string;
  depth: number;
  color: string;
  audio: string | null;
  proxy: { state: "queued" | "running" | "ready" | "failed"; job: string | null; error: string | null };
  media: { proxy: string; thumbnails: string; thumbnail_count: number; peaks: string | null } | null;
  notes: string[];
}

export interface Project {
  id: string;
  name: string;
  clip: string;
  layers: LayerLine[];
  strict_chroma: boolean;
  takes: string[];
  updated: number;
}

export type ProjectChange = Partial<Pick<Project, "name" | "layers" | "strict_chroma">>;

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface Job {
  id: string;
  kind: string;
  spec: Record<string, unknown>;
  state: JobState;
  priority: number;
  position: number;
  attempts: number;
  cancelling: boolean;
  progress: { stage: string; done: number; total: number; eta: number | null } | null;
  error: string | null;
  result: Record<string, unknown> | null;
  previews: number;
  created: number;
  started: number | null;
  ended: number | null;
}

export interface JobList {
  jobs: Job[];
  paused: boolean;
  workers: number;
}

export type Region = [x: number, y: number, width: number, height: number];

export interface TakeRequest {
  instruction: string;
  seeds: number[];
  model?: string;
  quality?: boolean;
  steps?: number;
  guidance?: number;
  mask?: string;
  region?: Region;
  start?: number;
  frames?: number;
}

export interface Take {
  id: string;
  project: string;
  kind: "edit" | "layerize";
  job: string | null;
  state: JobState;
  instruction: string;
  seed: number | null;
  model: string | null;
  settings: { [Name in keyof Omit<TakeRequest, "instruction" | "seeds">]: TakeRequest[Name] | null };
  first: number;
  count: number;
  frames: number[] | null;
  previews: number;
  media: { edit: string; alpha: string; still: string } | null;
  notices: string[];
  created: number;
  binned: boolean;
  error: string | null;
}

export interface Master {
  name: string;
  title: string;
  promise: string;
  codecs: { name: string; suffixes: string[] }[];
}

export interface Target {
  name: string;
  title: string;
  alpha: string;
  steps: string;
}

export interface WrittenFile {
  id: string;
  name: string;
  kind: "result" | "export";
  bytes: number;
  created: number;
  url: string;
}

export interface Verified {
  changed: number;
  preserved: number;
  samples: number;
  frames: number;
  max_difference: number;
  broken: string | null;
  heat: string | null;
}

export interface Entries {
  entries: Entry[];
  more: number;
}

/** Code values at a pixel, one for each of `names` (Y, Cb, Cr or R, G, B). */
export interface Samples {
  x: number;
  y: number;
  names: string[];
  source: number[];
  result: number[];
  edit: number[] | null;
  alpha: number;
}
