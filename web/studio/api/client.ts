/** The calls of the page, one function each; every failure is an Error of one line. */

import type {
  About,
  Clip,
  Entries,
  Job,
  JobList,
  Master,
  Project,
  ProjectChange,
  Samples,
  Take,
  TakeRequest,
  Target,
  WrittenFile,
} from "./types";
import { refusal } from "./errors";

export const ROOT = "/api/v1";

export interface Tagged<T> {
  value: T;
  etag: string;
}

export type Footage = { root: string; inside: string } | { upload: string } | { demo: true };

async function answer(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const json = body !== undefined && !(body instanceof Blob);
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers: json ? { "Content-Type": "application/json", ...headers } : headers,
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : (body as Blob) }),
    });
  } catch {
    throw new Error("The server does not answer; is `vera studio` still running?");
  }
  if (response.ok) return response;
  throw refusal(response.status, await response.json().catch(() => null));
}

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await answer(method, path, body);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function tagged(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Tagged<Project>> {
  const response = await answer(method, path, body, headers);
  return { value: (await response.json()) as Project, etag: response.headers.get("ETag") ?? "" };
}

export const about = () => call<About>("GET", "/about");
export const entries = (root: string, inside: string) =>
  call<Entries>("GET", `/roots/${root}/entries?inside=${encodeURIComponent(inside)}`);

export const openClip = (footage: Footage) => call<Clip>("POST", "/clips", footage);
export const clip = (id: string) => call<Clip>("GET", `/clips/${id}`);
export const clips = () => call<Clip[]>("GET", "/clips");

export const makeProject = (clip: string, name?: string) => call<Project>("POST", "/projects", { clip, ...(name && { name }) });
export const projects = () => call<Project[]>("GET", "/projects");
export const project = (id: string) => tagged("GET", `/projects/${id}`);
export const changeProject = (id: string, changes: ProjectChange, etag: string) =>
  tagged("PATCH", `/projects/${id}`, changes, { "If-Match": etag });

export const takes = (project: string) => call<Take[]>("GET", `/projects/${project}/takes`);
export const makeTakes = (project: string, request: TakeRequest) => call<Take[]>("POST", `/projects/${project}/takes`, request);
export const layerize = (project: string, second: { clip: string } | { upload: string }) =>
  call<Take>("POST", `/projects/${project}/layerize`, second);
export const sendMask = (project: string, picture: Blob) => call<{ mask: string }>("POST", `/projects/${project}/masks`, picture);
export const binTake = (id: string) => call<Take>("DELETE", `/takes/${id}`);
export const restoreTake = (id: string) => call<Take>("POST", `/takes/${id}/restore`);

export const jobs = () => call<JobList>("GET", "/jobs");
export const changeJob = (id: string, change: { position?: number; cancel?: boolean; spec?: Record<string, unknown> }) =>
  call<Job>("PATCH", `/jobs/${id}`, change);
export const retryJob = (id: string) => call<Job>("POST", `/jobs/${id}/retry`);
export const pauseQueue = (paused: boolean) => call<JobList>("PATCH", "/queue", { paused });

export const masters = () => call<Master[]>("GET", "/masters");
export const targets = () => call<Target[]>("GET", "/targets");
export const renderResult = (project: string, request: { master: string; codec?: string }) =>
  call<Job>("POST", `/projects/${project}/results`, request);
export const exportLayers = (project: string, target: string) => call<Job>("POST", `/projects/${project}/exports`, { target });
export const verify = (project: string, file: string) => call<Job>("POST", `/projects/${project}/verify`, { file });
export const files = (project: string) => call<WrittenFile[]>("GET", `/projects/${project}/files`);
export const samples = (project: string, frame: number, x: number, y: number) =>
  call<Samples>("GET", `/projects/${project}/samples/${frame}?x=${x}&y=${y}`);

export const frameUrl = (project: string, frame: number, view: string, format: "png" | "jpeg" = "png") =>
  `${ROOT}/projects/${project}/frames/${frame}?view=${view}&format=${format}`;
export const previewUrl = (job: string, step: number, layer: "edit" | "alpha" | "composite") =>
  `${ROOT}/jobs/${job}/previews/${step}/${layer}.jpg`;
