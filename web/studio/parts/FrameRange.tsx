import { numberOf, Typed } from "./Typed";

type Range = [number | null, number | null];

interface Props {
  label: string;
  range: Range;
  count: number;
  onChange(range: Range): void;
}

/** First and last frame; an empty field leaves that end open. */
export function FrameRange({ label, range, count, onChange }: Props) {
  const end = (part: 0 | 1, name: string, open: number) => (
    <Typed
      min={part ? (range[0] ?? 0) : 0}
      max={part ? count - 1 : (range[1] ?? count - 1)}
      step={1}
      value={range[part] ?? ""}
      placeholder={String(open)}
      aria-label={`${label}, ${name} frame`}
      onTyped={(text) => {
        const next: Range = [...range];
        const number = numberOf(text);
        next[part] = number === null ? null : Math.min(count - 1, Math.max(0, Math.round(number)));
        onChange(ordered(next, part));
      }}
    />
  );
  return (
    <div class="field range">
      <span class="name">{label}</span>
      <span>
        {end(0, "first", 0)} to {end(1, "last", count - 1)}
      </span>
      <button class="plain" disabled={range[0] === null && range[1] === null} onClick={() => onChange([null, null])}>
        All
      </button>
    </div>
  );
}

/** Of two ends that passed each other the one that was just set holds. */
function ordered([first, last]: Range, part: 0 | 1): Range {
  if (first === null || last === null || first <= last) return [first, last];
  return part ? [last, last] : [first, first];
}
