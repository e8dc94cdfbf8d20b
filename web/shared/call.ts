// Calls of a server's API.

/** What the server refused, or that it could not be reached (status 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

// A network that swallows what is sent, as a phone's between two cells, would hold a call for many minutes.
const PATIENCE = 60_000; // milliseconds

/** Call the server; ApiError for everything but success, which comes within a minute. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await reach(method, path, body, AbortSignal.timeout(PATIENCE));
  const text = await response.text().catch(unreached);
  return (text ? JSON.parse(text) : undefined) as T;
}

function unreached(): never {
  throw new ApiError(0, "The server cannot be reached.");
}

/** The server's answer, which is a success; ApiError for everything else, but for what `signal` stopped. */
export async function reach(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const told = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  let response: Response;
  try {
    response = await fetch(path, { method, ...told, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted && signal.reason.name !== "TimeoutError") throw error;
    return unreached();
  }
  if (!response.ok) throw new ApiError(response.status, detail(await response.text().catch(() => "")));
  return response;
}

function detail(text: string): string {
  try {
    return String(JSON.parse(text).detail);
  } catch {
    return "The server failed at this.";
  }
}
