import { expect, test, vi } from "vitest";
import { send } from "../api/upload";
import { bringFiles } from "../state/bringing";
import { close, open } from "../state/session";
import { FakeServer } from "./server";

vi.mock("../api/upload", () => ({ send: vi.fn(async () => "upload") }));

test("what is sent for minutes is brought into the project that was open when it began", async () => {
  await close();
  const server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  await open("project1");
  vi.mocked(send).mockImplementationOnce(async () => {
    await close();
    return "upload";
  });
  const files = ["manifest.json", "edit.mkv", "alpha.mkv"].map((name) => ({ path: `layers/${name}`, file: new File([], name) }));
  await bringFiles(files).catch(() => undefined); // the small server knows no layer folders
  expect(server.requests.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual(["/projects/project1/brought"]);
});
