/** A small server in memory that answers as the studio's does: projects with tags, takes, jobs. */

import type { Clip, Job, LayerLine, Project, Take, TakeRequest } from "../api/types";

export const CLIP: Clip = {
  id: "clip0001",
  name: "bikes.mp4",
  width: 640,
  height: 272,
  frames: 250,
  times: Array.from({ length: 250 }, (_, i) => i / 25),
  rate: 25,
  duration: 10,
  pix_fmt: "yuv420p",
  depth: 8,
  color: "BT.709",
  audio: null,
  pixel_aspect: 1,
  proxy: { state: "ready", width: 640, height: 272, frames: 250, job: null, error: null },
  media: null,
  notes: [],
};

export class FakeServer {
  project: Project = { id: "project1", name: "bikes", clip: CLIP.id, layers: [], strict_chroma: false, display: { lut: null, ocio: null }, width: 640, height: 272, takes: [], laid: [], updated: 0 };
  version = 1;
  takes: Take[] = [];
  cancelled: string[] = [];
  requests: { method: string; path: string; body: unknown }[] = [];
  down = false;

  /** What `fetch` is replaced by. */
  fetch = async (request: Request): Promise<Response> => {
    if (this.down) throw new TypeError("Failed to fetch");
    const [{ method, headers }, path] = [request, new URL(request.url).pathname.replace("/api/v1", "")];
    const body = headers.get("Content-Type")?.includes("json") ? ((await request.json()) as unknown) : null;
    this.requests.push({ method, path, body });
    return this.answer(method, path, body, headers);
  };

  private answer(method: string, path: string, body: unknown, headers: Headers): Response {
    const [first, id, rest] = path.slice(1).split("/");
    if (first === "clips") return json(CLIP);
    if (first === "projects" && rest === "results") return json(makeJob({ id: "master", kind: "composite" }), 202);
    if (first === "projects" && rest === "verify") return json(makeJob({ id: "count", kind: "verify", spec: { project: id } }), 202);
    if (first === "projects" && rest === "takes") return method === "POST" ? this.make(body as TakeRequest) : json(this.takes);
    if (first === "projects" && id === this.project.id) return method === "PATCH" ? this.change(body, headers) : this.tagged();
    if (first === "takes") return this.bin(id!, method === "DELETE");
    if (first === "jobs" && method === "PATCH") return this.cancel(id!);
    return json({ detail: "there is no such thing" }, 404);
  }

  private tagged(): Response {
    return json(this.project, 200, { ETag: `"${this.version}"` });
  }

  private change(body: unknown, headers: Headers): Response {
    if (headers.get("If-Match") !== `"${this.version}"`) return json({ detail: "the project was changed" }, 412);
    this.save(body as Partial<Project>);
    return this.tagged();
  }

  /** Change the project, as another window does. */
  save(changes: Partial<Project> & { layers?: LayerLine[] }): void {
    this.project = { ...this.project, ...changes };
    this.version += 1;
  }

  private make({ seeds, instruction, ...settings }: TakeRequest): Response {
    const made = seeds.map((seed) => makeTake({ id: `take${this.takes.length}${seed}`, seed, instruction, settings }));
    this.takes = [...made, ...this.takes];
    return json(made, 201);
  }

  private bin(id: string, binned: boolean): Response {
    this.takes = this.takes.map((take) => (take.id === id ? { ...take, binned } : take));
    return json(this.takes.find((take) => take.id === id));
  }

  private cancel(id: string): Response {
    this.cancelled.push(id);
    return json(makeJob({ id, state: "cancelled" }));
  }
}

export function makeTake(given: Partial<Take>): Take {
  const id = given.id ?? "take";
  return {
    id,
    project: "project1",
    kind: "edit",
    job: `job-${id}`,
    state: "running",
    instruction: "Add a red balloon",
    seed: 0,
    model: "nano",
    settings: { model: "nano" },
    first: 0,
    count: 9,
    frames: null,
    width: null,
    height: null,
    manifest: null,
    previews: 0,
    media: null,
    notices: [],
    created: 0,
    binned: false,
    error: null,
    ...given,
  };
}

export function makeJob(given: Partial<Job>): Job {
  return {
    id: "job",
    kind: "edit",
    spec: {},
    state: "queued",
    priority: 0,
    position: 0,
    attempts: 0,
    worker: null,
    cancelling: false,
    progress: null,
    error: null,
    result: null,
    previews: 0,
    created: 0,
    started: null,
    ended: null,
    ...given,
  };
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}
