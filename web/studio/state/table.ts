/** The table that shows the clip's colours in the viewer, as the server draws it. */

import type { Table } from "../../viewer/rule/table";
import * as api from "../api/client";
import type { Display } from "../api/types";
import { projectId } from "./session";

let last: { name: string; table: Promise<Table> } | null = null;

/** The table of a display, null where the clip's tags show it. Rejects with one line for what cannot show the clip. */
export async function tableOf(display: Display): Promise<Table | null> {
  if (!display.lut && !display.ocio) return null;
  const project = projectId.peek()!;
  const name = JSON.stringify([project, display]);
  if (last?.name === name) return last.table;
  const asked = { name, table: api.displayTable(project, display).then(readTable) };
  last = asked;
  asked.table.catch(() => last === asked && (last = null)); // to be asked again
  return asked.table;
}

async function readTable(png: Blob): Promise<Table> {
  const picture = await createImageBitmap(png, { colorSpaceConversion: "none" });
  const { width: side, height } = picture;
  const context = new OffscreenCanvas(side, height).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(picture, 0, 0);
  picture.close();
  const { data } = context.getImageData(0, 0, side, height);
  return { side, codes: Uint8Array.from({ length: 3 * side * height }, (_, i) => data[4 * Math.floor(i / 3) + (i % 3)]!) };
}
