import { effect } from "@preact/signals";
import { render } from "preact";
import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/frame.css";
import "./css/stage.css";
import "./css/takes.css";
import "./css/editor.css";
import "./css/pages.css";
import { App } from "./App";
import * as api from "./api/client";
import { listen } from "./api/events";
import type { Job } from "./api/types";
import { followDrops } from "./drop";
import { followKeys } from "./keys";
import { jobs, takeJob, takeList, takeQueue } from "./state/jobs";
import { guard } from "./state/notices";
import { followAddress, goTo, hrefOf, route } from "./state/route";
import { about, clip, close, open, projectId, readClip, readTakes, saveState } from "./state/session";

async function start(): Promise<void> {
  about.value = await api.about();
  const { open: opened } = about.value;
  if (!location.hash && opened.project) goTo({ page: "edit", project: opened.project });
  else if (!location.hash && opened.clip) {
    const { id } = await api.makeProject(opened.clip);
    location.replace(hrefOf({ page: "edit", project: id }));
  }
}

function hear(job: Job, event: number): void {
  const before = jobs.peek().get(job.id);
  takeJob(job, event);
  if (before?.state === job.state) return;
  if (job.kind === "proxy" && job.id === clip.peek()?.proxy.job) void guard(readClip);
  else if (job.spec.project === projectId.peek()) void guard(readTakes);
}

function readAll(): void {
  void guard(async () => takeList(await api.jobs()));
  void guard(readTakes);
  void guard(readClip);
}

followAddress();
followKeys();
followDrops();
render(<App />, document.getElementById("app")!);
await guard(start);
effect(() => {
  const now = route.value;
  if ("project" in now) {
    // In its place: going back would lead to what cannot be opened.
    const leave = () => route.value === now && location.replace(hrefOf({ page: "start" }));
    void guard(() => open(now.project)).then((opened) => opened ?? leave());
  }
  if (now.page === "start") void guard(close);
});
listen(hear, takeQueue, readAll);
addEventListener("beforeunload", (event) => {
  if (saveState.value !== "saved") event.preventDefault();
});
