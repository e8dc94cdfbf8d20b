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
    const shown = canvas.current;
    if (!shown) return; // it has just been taken away
    const [across, down] = [shown.clientWidth, shown.clientHeight];
    const dense = devicePixelRatio;
    if (shown.width !== Math.round(across * dense)) shown.width = Math.round(across * dense);
    if (shown.height !== Math.round(down * dense)) shown.height = Math.round(down * dense);
    const context = shown.getContext("2d")!;
    const scale = fitted(across, down, width, height);
    context.resetTransform();
    context.clearRect(0, 0, shown.width, shown.height);
    context.setTransform(
      scale * dense,
      0,
      0,
      scale * dense,
      ((across - width * scale) / 2) * dense,
      ((down - height * scale) / 2) * dense,
    );
    draw(context, 1 / scale);
    if (cross.current && document.activeElement === shown) drawCross(context, cross.current, 1 / scale);
  };
  const latest = useRef(redraw);
  latest.current = redraw;
  useEffect(redraw);
  useEffect(() => {
    const watch = new ResizeObserver(() => latest.current());
    watch.observe(canvas.current!);
    return () => watch.disconnect();
  }, []);

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
      role="img"
      aria-label={label}
      tabIndex={pointing ? 0 : -1}
      style={{ cursor: cursor ?? "default", aspectRatio: `${width} / ${height}` }}
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

function drawCross(context: CanvasRenderingContext2D, [x, y]: Point, scale: number): void {
  const arm = 10 * scale;
  for (const [color, line] of [
    ["#000", 3],
    ["#fff", 1],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = line * scale;
    context.beginPath();
    context.moveTo(x + 0.5 - arm, y + 0.5);
    context.lineTo(x + 0.5 + arm, y + 0.5);
    context.moveTo(x + 0.5, y + 0.5 - arm);
    context.lineTo(x + 0.5, y + 0.5 + arm);
    context.stroke();
  }
}
