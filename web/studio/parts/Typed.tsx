import { useSignal } from "@preact/signals";

interface Props {
  value: string | number;
  type?: "number" | "text";
  class?: string;
  min?: number;
  max?: number;
  step?: number;
  maxLength?: number;
  placeholder?: string;
  list?: string;
  "aria-label"?: string;
  onTyped(text: string): void;
}

/** A field whose text is taken on Enter, on leaving it, or by arrow keys; what is being typed survives a new drawing of the page. */
export function Typed({ value, onTyped, type = "number", ...shown }: Props) {
  const draft = useSignal<string | null>(null);
  return (
    <input
      {...shown}
      type={type as "number"} // the types of attributes know no input that is one or the other
      value={draft.value ?? value}
      data-draft={draft.value !== null}
      onBeforeInput={(event: InputEvent) => type === "number" && takeComma(event)}
      onInput={({ currentTarget }) => void (draft.value = currentTarget.value)}
      onChange={({ currentTarget }) => {
        draft.value = null;
        onTyped(currentTarget.value);
        currentTarget.value = String(value); // until the page is drawn with what became of it
      }}
      onBlur={() => void (draft.value = null)}
      onKeyDown={({ key, currentTarget }) => {
        if (key !== "Escape") return;
        draft.value = null;
        currentTarget.value = String(value);
        currentTarget.blur(); // so that keys reach the viewer
      }}
    />
  );
}

/** A comma is as good as a point: browsers leave it out of numbers, and 0,5 would be 5. */
function takeComma(event: InputEvent): void {
  if (!event.data?.includes(",")) return;
  event.preventDefault();
  document.execCommand("insertText", false, event.data.replace(",", "."));
}

/** The number that a text is, or null. */
export const numberOf = (text: string): number | null => (text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
