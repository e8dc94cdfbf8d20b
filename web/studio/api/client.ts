/** The calls of the page, one function each; every failure is an Error of one line. */

import createClient from "openapi-fetch";
import type { paths } from "../../shared/api";
import type { Side } from "../../viewer/types";
import { refusal } from "./errors";
import type {
  About,
  Bring,
  Clip,
  DamagedProject,
  DeletedProject,
  Display,
  Emptied,
  Entries,
  Footage,
  Freed,
  Job,
  JobChange,
  JobList,
  Lut,
  Master,
  NewExport,
  NewResult,
  Project,
  ProjectChange,
  Samples,
  Take,
  TakeRequest,
  Target,
  WrittenFile,
} from "./types";

export const ROOT = "/api/v1";

export interface Tagged<T> {
  value: T;
  etag: string;
}

// Outside of a browser, as in tests, there is no place that addresses start from. `fetch` is looked up at each call.
const baseUrl = globalThis.location?.origin ?? "http://localhost";
const client = createClient<paths>({ baseUrl, fetch: (request) => globalThis.fetch(request) });

// openapi-fetch turns pairs and triples of an answer into lists: each function names its answer's own type.
interface Answer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

async function settled(answer: Promise<Answer>): Promise<Answer> {
  const found = await answer.catch(() => {
    throw new Error("The server does not answer; is `vera studio` still running?");
  });
  if (!found.response.ok) throw refusal(found.response.status, found.error);
  return found;
}

const body = async <T>(answer: Promise<Answer>): Promise<T> => (await settled(answer)).data as T;

async function tagged(answer: Promise<Answer>): Promise<Tagged<Project>> {
  const { data, response } = await settled(answer);
  return { value: data as Project, etag: response.headers.get("ETag") ?? "" };
}

const to = <Name extends string>(name: Name, id: string) => ({ path: { [name]: id } as Record<Name, string> });

export const about = () => body<About>(client.GET("/api/v1/about"));
export const entries = (root: string, inside: string) =>
  body<Entries>(client.GET("/api/v1/roots/{root}/entries", { params: { path: { root }, query: { inside } } }));

export const spaces = () => body<string[]>(client.GET("/api/v1/colorspaces"));

export const openClip = (footage: Partial<Footage>) => body<Clip>(client.POST("/api/v1/clips", { body: footage as Footage }));
export const clip = (id: string) => body<Clip>(client.GET("/api/v1/clips/{clip}", { params: to("clip", id) }));

export const clips = () => body<Clip[]>(client.GET("/api/v1/clips"));

export const makeProject = (clip: string) => body<Project>(client.POST("/api/v1/projects", { body: { clip } }));
export const projects = () => body<(Project | DamagedProject)[]>(client.GET("/api/v1/projects"));
/** Move a project into the bin, whatever its state is. */
export const deleteProject = (id: string) =>
  body<void>(client.DELETE("/api/v1/projects/{project}", { params: { ...to("project", id), header: { "If-Match": "*" } } }));
export const deletedProjects = () => body<DeletedProject[]>(client.GET("/api/v1/deleted"));
export const restoreProject = (id: string) =>
  body<Project>(client.POST("/api/v1/deleted/{project}/restore", { params: to("project", id) }));
export const emptyDeleted = () => body<Freed>(client.DELETE("/api/v1/deleted"));
export const project = (id: string) => tagged(client.GET("/api/v1/projects/{project}", { params: to("project", id) }));
export const changeProject = (id: string, changes: ProjectChange, etag: string) =>
  tagged(
    client.PATCH("/api/v1/projects/{project}", { params: { ...to("project", id), header: { "If-Match": etag } }, body: changes }),
  );

export const openProject = (root: string, inside: string) =>
  body<Project>(client.POST("/api/v1/opened", { body: { root, inside } }));
export const luts = (id: string) => body<Lut[]>(client.GET("/api/v1/projects/{project}/luts", { params: to("project", id) }));
export const addLut = (id: string, upload: string) =>
  body<Lut>(client.POST("/api/v1/projects/{project}/luts", { params: to("project", id), body: { upload } }));
/** What a display does to the clip's colours, as the server draws it. */
export async function displayTable(project: string, { lut, ocio }: Display): Promise<Blob> {
  const query = { ...(lut && { lut }), ...(ocio && { ocio }) };
  const path = "/api/v1/projects/{project}/display.png";
  return body<Blob>(client.GET(path, { params: { ...to("project", project), query }, parseAs: "blob" }));
}

export const takes = (id: string) => body<Take[]>(client.GET("/api/v1/projects/{project}/takes", { params: to("project", id) }));
export const makeTakes = (id: string, request: TakeRequest) =>
  body<Take[]>(client.POST("/api/v1/projects/{project}/takes", { params: to("project", id), body: request }));
export const layerize = (id: string, upload: string) =>
  body<Take>(client.POST("/api/v1/projects/{project}/layerize", { params: to("project", id), body: { upload } }));
export const bring = (id: string, folder: Partial<Bring>) =>
  body<Take>(client.POST("/api/v1/projects/{project}/brought", { params: to("project", id), body: folder as Bring }));
export const emptyBin = (id: string) =>
  body<Emptied>(client.DELETE("/api/v1/projects/{project}/bin", { params: to("project", id) }));
export const binTake = (id: string) => body<Take>(client.DELETE("/api/v1/takes/{take}", { params: to("take", id) }));
export const restoreTake = (id: string) => body<Take>(client.POST("/api/v1/takes/{take}/restore", { params: to("take", id) }));
export const sendMask = (id: string, picture: Blob) =>
  body<{ mask: string }>(
    client.POST("/api/v1/projects/{project}/masks", {
      params: to("project", id),
      headers: { "Content-Type": "image/png" },
      body: picture as unknown as string, // the type that OpenAPI gives to bytes
      bodySerializer: (bytes) => bytes,
    }),
  );

export const jobs = () => body<JobList>(client.GET("/api/v1/jobs"));
export const changeJob = (id: string, change: JobChange) =>
  body<Job>(client.PATCH("/api/v1/jobs/{job}", { params: to("job", id), body: change }));
export const retryJob = (id: string) => body<Job>(client.POST("/api/v1/jobs/{job}/retry", { params: to("job", id) }));
export const pauseQueue = (paused: boolean) => body<JobList>(client.PATCH("/api/v1/queue", { body: { paused } }));

export const masters = () => body<Master[]>(client.GET("/api/v1/masters"));
export const targets = () => body<Target[]>(client.GET("/api/v1/targets"));
export const renderResult = (id: string, request: NewResult) =>
  body<Job>(client.POST("/api/v1/projects/{project}/results", { params: to("project", id), body: request }));
export const exportLayers = (id: string, request: NewExport) =>
  body<Job>(client.POST("/api/v1/projects/{project}/exports", { params: to("project", id), body: request }));
export const verify = (id: string, file: string) =>
  body<Job>(client.POST("/api/v1/projects/{project}/verify", { params: to("project", id), body: { file } }));
export const files = (id: string) => body<WrittenFile[]>(client.GET("/api/v1/projects/{project}/files", { params: to("project", id) }));
export const deleteFile = (id: string, file: string) =>
  body<void>(client.DELETE("/api/v1/projects/{project}/files/{file}", { params: { path: { project: id, file } } }));
export const samples = (id: string, frame: number, x: number, y: number) =>
  body<Samples>(client.GET("/api/v1/projects/{project}/samples/{frame}", { params: { path: { project: id, frame }, query: { x, y } } }));

const WINDOW = [...crypto.getRandomValues(new Uint32Array(4))].join("-"); // of this page: its newest frame displaces those that wait
/** The address of a frame as a side of the wipe shows it. */
export function frameUrl(project: string, frame: number, side: Side): string {
  const shown = side.startsWith("take ") ? `view=result&take=${side.slice(5)}` : `view=${side}`;
  return `${ROOT}/projects/${project}/frames/${frame}?${shown}&window=${WINDOW}`;
}
/** The address of a step's picture; `started` tells attempts apart, whose steps have the same numbers. */
export const previewUrl = (job: string, step: number, layer: "edit" | "alpha" | "composite", started: number) =>
  `${ROOT}/jobs/${job}/previews/${step}/${layer}.jpg?started=${started}`;
