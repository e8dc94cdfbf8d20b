// The browser's own database as a shelf of answers; memory where a browser has none, as in some private windows.
import type { Shelf, Waiting } from "./outbox";

const NAME = "vera-study";
const STORE = "answers";

export async function openShelf(): Promise<Shelf> {
  try {
    return databaseShelf(await openDatabase());
  } catch {
    return memoryShelf();
  }
}

export function memoryShelf(): Shelf {
  const held = new Map<string, Waiting>();
  return {
    put: async (one) => void held.set(one.answer.attempt, one),
    all: async () => [...held.values()],
    remove: async (one) => void held.delete(one.answer.attempt),
  };
}

function databaseShelf(database: IDBDatabase): Shelf {
  const store = (mode: IDBTransactionMode) => database.transaction(STORE, mode, { durability: "strict" });
  const done = (transaction: IDBTransaction) =>
    new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  return {
    async put(one) {
      const transaction = store("readwrite");
      transaction.objectStore(STORE).put(one);
      await done(transaction);
    },
    async all(session) {
      const found = store("readonly").objectStore(STORE).getAll();
      const all = await promised<Waiting[]>(found);
      return all.filter((one) => one.session === session).sort((a, b) => a.trial - b.trial);
    },
    async remove(one) {
      const transaction = store("readwrite");
      transaction.objectStore(STORE).delete([one.session, one.answer.attempt]);
      await done(transaction);
    },
  };
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  // By attempt: two tabs may answer the same pair, and neither may take the other's answer off the shelf.
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: ["session", "answer.attempt"] });
  return promised(request);
}

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
