// A picture with what is drawn over it, that is pointed at by mouse, finger, pen or keys.
import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Point } from "./api";
import { look, lookAt, placed, zoomBy } from "./zoom";

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
  /** Radius of a brush, in pixels of the picture: a ring follows the pointer. */
  brush?: number | undefined;
}

const STEP = 8; // pixels that a key moves the cross by; 1 with Shift
const SLACK = 6; // pixels of the page that a finger may tremble by

export function Surface({ width, height, label, draw, pointing, cursor, brush }: SurfaceProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const cross = useRef<Point | null>(null);
  const hover = useRef<Point | null>(null);
  const down = useRef(false);
  const last = useRef<Point>([0, 0]); // where the pointer was while it was down
  const panned = useRef<Point | null>(null); // what is under the pointer while the picture is dragged
  const fingers = useRef(new Map<number, Point>()); // where they are, on the page
  const begun = useRef<PointerEvent | null>(null); // a first finger that may yet be one of two

  const redraw = () => {
    const shown = canvas.current;
    if (!shown) return; // it has just been taken away
    const [across, down] = [shown.clientWidth, shown.clientHeight];
    const dense = devicePixelRatio;
    if (shown.width !== Math.round(across * dense)) shown.width = Math.round(across * dense);
    if (shown.height !== Math.round(down * dense)) shown.height = Math.round(down * dense);
    const context = shown.getContext("2d")!;
    const { left, top, scale } = placed(look.value, across, down, width, height);
    context.resetTransform();
    context.clearRect(0, 0, shown.width, shown.height);
    context.setTransform(scale * dense, 0, 0, scale * dense, left * dense, top * dense);
    context.imageSmoothingEnabled = scale * dense < 4; // pixels are to be seen where they are large
    draw(context, 1 / scale);
    if (brush && hover.current) drawRing(context, hover.current, brush, 1 / scale);
    if (cross.current && document.activeElement === shown) drawCross(context, cross.current, 1 / scale);
  };
  const latest = useRef(redraw);
  latest.current = redraw;
  useEffect(() => effect(redraw)); // and whenever a signal changes that was looked at while drawing
  useEffect(() => {
    const watch = new ResizeObserver(() => latest.current());
    watch.observe(canvas.current!);
    return () => watch.disconnect();
  }, []);

  const placeNow = () => placed(look.peek(), canvas.current!.clientWidth, canvas.current!.clientHeight, width, height);
  const placeUnder = ([x, y]: Point): Point => {
    const box = canvas.current!.getBoundingClientRect();
    const { left, top, scale } = placeNow();
    return [(x - box.left - left) / scale, (y - box.top - top) / scale];
  };
  const placeOf = (event: MouseEvent): Point => placeUnder(onPage(event));
  const pointAt = (event: MouseEvent): Point => {
    const [x, y] = placeOf(event);
    return [clamp(Math.floor(x), width), clamp(Math.floor(y), height)];
  };
  /** Enlarge by a factor; what is at a place of the picture stays where it is. */
  const zoomAt = (factor: number, [x, y]: Point) => {
    lookAt(placeNow().middle);
    zoomBy(factor, [x / width, y / height]);
  };
  const wheel = useRef((_: WheelEvent) => {});
  wheel.current = (event) => {
    event.preventDefault();
    zoomAt(2 ** (-event.deltaY / 400), placeOf(event));
  };
  useEffect(() => {
    const shown = canvas.current!;
    const turn = (event: WheelEvent) => wheel.current(event);
    shown.addEventListener("wheel", turn, { passive: false }); // or the page would scroll
    return () => shown.removeEventListener("wheel", turn);
  }, []);

  const pan = (to: Point) => {
    const [x, y] = placeUnder(to);
    const [fromX, fromY] = panned.current!;
    const { middle } = placeNow();
    lookAt([middle[0] - (x - fromX) / width, middle[1] - (y - fromY) / height]);
    panned.current = placeUnder(to);
  };

  const lower = (event: PointerEvent, beside: boolean) => {
    down.current = true;
    last.current = pointAt(event);
    pointing!.down(last.current, beside);
  };
  /** A finger too many: what was begun with one is ended with it, and a third has nothing to do. */
  const strange = (event: PointerEvent) => event.pointerType === "touch" && !fingers.current.has(event.pointerId);
  const touch = (event: PointerEvent) => {
    if (down.current || fingers.current.size > 1) return;
    fingers.current.set(event.pointerId, onPage(event));
    begun.current = pointing && fingers.current.size === 1 ? event : null;
    panned.current = begun.current ? null : placeUnder(between(fingers.current));
  };
  /** Drag the picture by the fingers that are on it, and enlarge it as they part. */
  const drag = (event: PointerEvent) => {
    const apart = spread(fingers.current);
    const from = between(fingers.current);
    fingers.current.set(event.pointerId, onPage(event));
    if (apart) {
      zoomAt(spread(fingers.current) / apart, placeUnder(from));
      panned.current = placeUnder(from);
    }
    pan(between(fingers.current));
  };
  const lift = (event: PointerEvent) => {
    fingers.current.delete(event.pointerId);
    if (begun.current) lower(begun.current, false); // a tap
    begun.current = null;
    panned.current = fingers.current.size && panned.current ? placeUnder(between(fingers.current)) : null;
  };

  const press = (event: KeyboardEvent) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const here = cross.current ?? [Math.floor(width / 2), Math.floor(height / 2)];
    if (by) {
      const far = event.shiftKey ? 1 : STEP;
      cross.current = [clamp(here[0] + by[0]! * far, width), clamp(here[1] + by[1]! * far, height)];
      if (look.peek().zoom > 1) lookAt([cross.current[0] / width, cross.current[1] / height]);
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
        const drags = event.button === 1;
        if (event.button > 2 || !(drags || pointing || event.pointerType === "touch")) return;
        canvas.current!.setPointerCapture(event.pointerId);
        if (event.pointerType === "touch") touch(event);
        else if (drags) {
          event.preventDefault(); // or the browser would scroll by itself
          panned.current = placeOf(event);
        } else lower(event, event.button === 2 || event.ctrlKey);
      }}
      onPointerMove={(event) => {
        if (strange(event)) return;
        if (panned.current) return fingers.current.size ? drag(event) : pan(onPage(event));
        if (begun.current && distance(onPage(begun.current), onPage(event)) > SLACK) {
          lower(begun.current, false);
          begun.current = null;
        }
        hover.current = placeOf(event);
        if (down.current) pointing?.move?.((last.current = pointAt(event)));
        if (brush) redraw();
      }}
      onPointerLeave={() => {
        hover.current = null;
        if (brush) redraw();
      }}
      onPointerUp={(event) => {
        if (strange(event)) return;
        if (event.pointerType === "touch") lift(event);
        else panned.current = null;
        if (!down.current) return;
        down.current = false;
        pointing?.up?.(pointAt(event));
      }}
      onPointerCancel={(event) => {
        fingers.current.delete(event.pointerId);
        begun.current = null;
        panned.current = null;
        if (!down.current) return;
        down.current = false;
        pointing?.up?.(last.current); // what was drawn is kept; the event itself may be nowhere
      }}
    />
  );
}

const onPage = (event: MouseEvent): Point => [event.clientX, event.clientY];

const distance = ([x, y]: Point, [otherX, otherY]: Point): number => Math.hypot(x - otherX, y - otherY);

/** The middle of one or two fingers. */
function between(fingers: Map<number, Point>): Point {
  const all = [...fingers.values()];
  const mean = (axis: 0 | 1) => all.reduce((sum, place) => sum + place[axis], 0) / all.length;
  return [mean(0), mean(1)];
}

/** How far two fingers are apart; 0 for one. */
function spread(fingers: Map<number, Point>): number {
  const [one, other] = [...fingers.values()];
  return one && other ? distance(one, other) : 0;
}

const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));

function drawCross(context: CanvasRenderingContext2D, [x, y]: Point, scale: number): void {
  const arm = 10 * scale;
  outline(context, scale, () => {
    context.moveTo(x + 0.5 - arm, y + 0.5);
    context.lineTo(x + 0.5 + arm, y + 0.5);
    context.moveTo(x + 0.5, y + 0.5 - arm);
    context.lineTo(x + 0.5, y + 0.5 + arm);
  });
}

const drawRing = (context: CanvasRenderingContext2D, [x, y]: Point, radius: number, scale: number): void =>
  outline(context, scale, () => context.arc(x, y, radius + 0.5, 0, 2 * Math.PI));

/** A white line with a dark edge, which is seen on everything. */
function outline(context: CanvasRenderingContext2D, scale: number, line: () => void): void {
  for (const [color, thick] of [
    ["#000", 3],
    ["#fff", 1],
  ] as const) {
    context.strokeStyle = color;
    context.lineWidth = thick * scale;
    context.beginPath();
    line();
    context.stroke();
  }
}
