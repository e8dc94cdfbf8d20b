/** Which page is shown, kept in the address so that reload and back work. */

import { signal } from "@preact/signals";

export type Route =
  | { page: "start" }
  | { page: "queue" }
  | { page: "edit"; project: string }
  | { page: "export"; project: string };

/** Read the part of an address after `#`. */
export function parseRoute(hash: string): Route {
  const [page, project] = hash.replace(/^#\/?/, "").split("/");
  if (page === "queue") return { page };
  if ((page === "edit" || page === "export") && project) return { page, project: decoded(project) };
  return { page: "start" };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // of no project: the server says so
  }
}

/** Write a route as an address. */
export function hrefOf(route: Route): string {
  return "project" in route ? `#/${route.page}/${encodeURIComponent(route.project)}` : `#/${route.page}`;
}

export const route = signal<Route>({ page: "start" });

/** Follow the address of the window. */
export function followAddress(): void {
  const read = () => void (route.value = parseRoute(location.hash));
  addEventListener("hashchange", read);
  read();
}

/** Show a page. */
export function goTo(next: Route): void {
  location.hash = hrefOf(next);
}
