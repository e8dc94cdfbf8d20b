// What the server of a study is asked and answers; `src/vera/study/server/forms.py` has the same in Python.

export type Question = "preservation" | "compliance" | "quality";
export type Side = "left" | "right";
export const QUESTIONS: Question[] = ["preservation", "compliance", "quality"];

export interface ShownTrial {
  instruction: string;
  width: number;
  height: number;
  top: number;
  rows: number;
  frames: number;
  seconds: number;
  swapped: boolean;
  answered: boolean;
}

export interface State {
  phase: "consent" | "trials" | "done" | "withdrawn";
  title: string;
  consent: string;
  contact: string;
  minutes: number;
  questions: Record<Question, string>;
  code: string;
  completion: string;
  trials: ShownTrial[];
}

export interface Progress {
  title: string;
  planned: number;
  started: number;
  finished: number;
  withdrawn: number;
  answers: number[];
  raters: { name: string; answered: number; of: number; missed: number; left_out: string[]; last: number }[];
  links: string[];
  shared: string;
}

/** What the server refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Call the server; ApiError for everything but success. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const told = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  let response: Response;
  try {
    response = await fetch(path, { method, ...told });
  } catch {
    throw new ApiError(0, "The server cannot be reached.");
  }
  const text = await response.text().catch(() => "");
  if (!response.ok) throw new ApiError(response.status, detail(text));
  return (text ? JSON.parse(text) : undefined) as T;
}

function detail(text: string): string {
  try {
    return String(JSON.parse(text).detail);
  } catch {
    return "The server failed at this.";
  }
}

export const sessionPath = (session: string) => `/api/sessions/${session}`;
export const mediaPath = (session: string, trial: number) => `${sessionPath(session)}/media/${trial}`;
