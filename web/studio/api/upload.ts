/** Uploads that go on where they were broken off. */

import { signal } from "@preact/signals";
import { Upload } from "tus-js-client";
import { ROOT } from "./client";

export interface Sending {
  name: string;
  sent: number;
  total: number;
  stop(): void;
}

export const sending = signal<Sending | null>(null);
const CHUNK = 16 * 2 ** 20;

/** Send a file; resolves to its id. Rejects with one line, or with null if the user stopped it. */
export async function send(file: File): Promise<string> {
  if (sending.value) throw new Error(`${sending.value.name} is still being sent; stop it first`);
  try {
    return await transfer(file);
  } finally {
    sending.value = null;
  }
}

function transfer(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint: `${ROOT}/uploads`,
      chunkSize: CHUNK,
      retryDelays: [500, 1000, 3000, 5000, 10_000],
      removeFingerprintOnSuccess: true,
      metadata: { filename: file.name },
      onProgress: (sent, total) => void (sending.value = { name: file.name, sent, total, stop }),
      onSuccess: () => resolve(new URL(upload.url!, location.href).pathname.split("/").at(-1)!),
      onError: (error) => reject(new Error(`${file.name} could not be sent: ${lineOf(error)}`)),
    });
    function stop(): void {
      void upload.abort().then(() => reject(new Error(`${file.name} was stopped; choose it again to go on where it was`)));
    }
    sending.value = { name: file.name, sent: 0, total: file.size, stop };
    void upload.findPreviousUploads().then(([previous]) => {
      if (previous) upload.resumeFromPreviousUpload(previous);
      upload.start();
    });
  });
}

function lineOf(error: Error): string {
  const body = "originalResponse" in error ? (error.originalResponse as { getBody(): string } | null)?.getBody() : null;
  try {
    return (JSON.parse(body ?? "") as { detail: string }).detail;
  } catch {
    return "the connection broke";
  }
}
