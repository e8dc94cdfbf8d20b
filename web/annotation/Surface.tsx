// A picture with what is drawn over it, that is pointed at by mouse, finger, pen or keys.
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "./api";

export interface Pointing {
  /** The pointer is put down (`beside`: with the other button), moves while it is down, and is lifted. */
  down(point: Point, beside: boolean): void;
  move?(point: Point): void;
  up?(point: Point): void;
}

export interface SurfaceProps {
  width: number;
  height: number;
  label: string;
  /** `scale`: pixels of the picture that are one of the page. */
  draw(context: CanvasRenderingContext2D, scale: number): void;
  pointing?: Pointing;
  cursor?: string;
}

const STEP = 8; // pixels that a key moves the cross by; 1 with Shift

export function Surface({ width, height, label, draw, pointing, cursor }: SurfaceProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cross = useRef<Point | null>(null);
  const down = useRef(false);

  const redraw = () => {
    const context = canvas.current!.getContext("2d")!;
    draw(context, 1 / fitted(canvas.current!.clientWidth, canvas.current!.clientHeight, width, height));
    if (cross.current && document.activeElement === canvas.current) drawCross(context, cross.current);
  };
  useEffect(redraw);

  const pointAt = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    const scale = fitted(box.width, box.height, width, height);
    const x = (event.clientX - box.left - (box.width - width * scale) / 2) / scale;
    const y = (event.clientY - box.top - (box.height - height * scale) / 2) / scale;
    return [clamp(Math.floor(x), width), clamp(Math.floor(y), height)];
  };

  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const here = cross.current ?? [Math.floor(width / 2), Math.floor(height / 2)];
    if (by) {
      const far = event.shiftKey ? 1 : STEP;
      cross.current = [clamp(here[0] + by[0]! * far, width), clamp(here[1] + by[1]! * far, height)];
    } else if (pointing && ["c", "v"].includes(event.key.toLowerCase())) {
      cross.current = here;
      pointing.down(here, event.key.toLowerCase() === "v");
      pointing.up?.(here);
    } else return;
    event.preventDefault();
    redraw();
  };

  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      tabIndex={pointing ? 0 : -1}
      style={{ cursor: cursor ?? "default" }}
      onKeyDown={press}
      onFocus={redraw}
      onBlur={redraw}
      onContextMenu={(event) => event.preventDefault()}
      onPointerDown={(event) => {
        if (!pointing || event.button > 2 || event.button === 1) return;
        canvas.current!.setPointerCapture(event.pointerId);
        down.current = true;
        pointing.down(pointAt(event), event.button === 2 || event.ctrlKey);
      }}
      onPointerMove={(event) => down.current && pointing?.move?.(pointAt(event))}
      onPointerUp={(event) => {
        if (!down.current) return;
        down.current = false;
        pointing?.up?.(pointAt(event));
      }}
      onPointerCancel={() => void (down.current = false)}
    />
  );
}

/** How many pixels of the page one of the picture is, which is shown whole in the middle of the canvas. */
const fitted = (across: number, down: number, width: number, height: number) => Math.min(across / width, down / height) || 1;

const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));

function drawCross(context: CanvasRenderingContext2D, [x, y]: Point): void {
  for (const [color, line] of [
    ["#000", 3],
    ["#fff", 1],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = line;
    context.beginPath();
    context.moveTo(x - 9, y + 0.5);
    context.lineTo(x + 10, y + 0.5);
    context.moveTo(x + 0.5, y - 9);
    context.lineTo(x + 0.5, y + 10);
    context.stroke();
  }
}
