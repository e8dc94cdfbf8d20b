import { useRef } from "preact/hooks";
import * as api from "../api/client";
import { send } from "../api/upload";
import { guard } from "../state/notices";
import { projectId, readTakes } from "../state/session";

/** Make a layer of another program's finished edit of this clip. */
export function Layerize() {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        class="plain"
        title="Choose a finished edit of this clip, by any program: what differs from the source becomes a layer"
        onClick={() => input.current!.click()}
      >
        Layerize a file
      </button>
      <input
        ref={input}
        class="sr"
        type="file"
        accept="video/*,.mkv,.mov"
        tabIndex={-1}
        aria-label="A finished edit of this clip"
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          currentTarget.value = "";
          if (file) void guard(() => layerizeFile(file));
        }}
      />
    </>
  );
}

/** Send a file and make a layer of what differs from the source. */
export async function layerizeFile(file: File): Promise<void> {
  await api.layerize(projectId.value!, await send(file));
  await readTakes();
}
