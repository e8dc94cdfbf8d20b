/** What the server refused, in its own one line. */

import { ApiError } from "../../shared/call";

/** The line of an answer that is no success. */
export function refusal(status: number, body: unknown): ApiError {
  return new ApiError(status, detail(body) ?? WORDS[status] ?? `The server answered ${status}`);
}

const WORDS: Record<number, string> = {
  401: "This browser is not signed in; open the link that `vera studio` printed",
  403: "The server refuses this browser; open the link that `vera studio` printed",
  404: "The server does not have this any more",
  412: "It was changed elsewhere",
  413: "This is larger than the server takes",
};

function detail(body: unknown): string | null {
  const found = typeof body === "object" && body !== null && "detail" in body ? body.detail : null;
  if (typeof found === "string") return found;
  if (!Array.isArray(found)) return null;
  const first = found[0] as { loc?: unknown[]; msg?: string } | undefined;
  return first?.msg ? `${(first.loc ?? []).slice(1).join(".")}: ${first.msg}` : null;
}
