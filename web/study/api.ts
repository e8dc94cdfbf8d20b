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

export const sessionPath = (session: string) => `/api/sessions/${session}`;
export const mediaPath = (session: string, trial: number) => `${sessionPath(session)}/media/${trial}`;
