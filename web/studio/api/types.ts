/** What the server says, by the names of its own models (`web/shared/api.d.ts`). */

import type { components } from "../../shared/api";
import type { Adjustment as Changes } from "../../viewer/types";

export type { BlendMode, Stroke } from "../../viewer/types";

/** With every field. */
export type Adjustment = Required<Changes>;

type Schemas = components["schemas"];
export type About = Schemas["About"];
export type Clip = Schemas["Clip"];
export type Bring = Schemas["Bring"];
export type Display = Schemas["Display"];
export type Emptied = Schemas["Emptied"];
export type Lut = Schemas["Lut"];
export type Entries = Schemas["Entries"];
export type DamagedProject = Schemas["DamagedProject"];
export type DeletedProject = Schemas["DeletedProject"];
export type Entry = Schemas["Entry"];
export type Footage = Schemas["OpenClip"];
export type Freed = Schemas["Freed"];
export type Job = Schemas["Job"];
export type LayerLine = Schemas["Layer"];
export type Master = Schemas["Master"];
export type Model = Schemas["Model"];
export type NewExport = Schemas["NewExport"];
export type NewResult = Schemas["NewResult"];
export type Project = Schemas["Project"];
export type ProjectChange = Schemas["ChangedProject"];
export type Samples = Schemas["Samples"];
export type Take = Schemas["Take"];
export type TakeRequest = Schemas["NewTakes"];
export type Target = Schemas["Target"];
export type WrittenFile = Schemas["File"];
export type JobList = Schemas["Queue"];
export type JobChange = Schemas["JobPatch"];

export type Region = NonNullable<TakeRequest["region"]>;

/** The result of a job of kind `verify`. */
export interface Verified {
  changed: number;
  preserved: number;
  samples: number;
  frames: number;
  max_difference: number;
  broken: string | null;
  heat: string | null;
}
