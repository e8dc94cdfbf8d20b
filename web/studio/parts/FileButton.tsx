import { guard } from "../state/notices";

interface FileButtonProps {
  label: string;
  accept: string;
  onChoose(file: File): Promise<unknown>;
}

/** A button that lets the user choose a file, the same one again as well. */
export function FileButton({ label, accept, onChoose }: FileButtonProps) {
  return (
    <label class="button">
      {label}
      <input
        class="sr"
        type="file"
        accept={accept}
        onChange={({ currentTarget: input }) => {
          const file = input.files?.[0];
          input.value = "";
          if (file) void guard(() => onChoose(file));
        }}
      />
    </label>
  );
}
