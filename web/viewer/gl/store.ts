/** Textures by name, kept from frame to frame and made anew when their size changes. */

import type { Paint } from "../rule/paint";
import type { Axis } from "../rule/place";
import type { Planes } from "../rule/planes";
import type { Table } from "../rule/table";
import { deleteTexture, type Format, type Gl, makeTarget, makeTexture, type Texture, upload } from "./context";

type Values = ArrayBufferView & ArrayLike<number>;

export class Store {
  private readonly textures = new Map<string, Texture>();
  private width = 0;
  private height = 0;
  private readonly interleaved = new WeakMap<Paint, Uint16Array>();
  private readonly widened = new WeakMap<Uint8Array, Uint8Array>();

  constructor(private readonly gl: Gl) {}

  /** The size of pictures from now on. */
  resize(width: number, height: number): void {
    if (width === this.width && height === this.height) return;
    this.clear();
    [this.width, this.height] = [width, height];
  }

  target(name: string): Texture {
    return this.kept(name, this.width, this.height, () => makeTarget(this.gl, this.width, this.height));
  }

  planes(name: string, { width, height, y, cb, cr }: Planes): Record<"planeY" | "planeCb" | "planeCr", Texture> {
    const half = { width: width / 2, height: height / 2 };
    return {
      planeY: this.plane(`${name} y`, y, { width, height }),
      planeCb: this.plane(`${name} cb`, cb, half),
      planeCr: this.plane(`${name} cr`, cr, half),
    };
  }

  plane(name: string, values: Values, size: { width: number; height: number }): Texture {
    return this.filled(name, "R8UI", size.width, size.height, values);
  }

  /** A table of one row. */
  row(name: string, format: Format, values: Values): Texture {
    return this.filled(name, format, values.length, 1, values);
  }

  /** Where a placement reads along one axis. */
  axis(name: "column" | "row", { first, weights }: Axis): Record<string, Texture> {
    const table = this.filled(`${name} weights`, "RGBA32F", first.length, 1, weights);
    return { [`${name}First`]: this.row(`${name} first`, "R32I", first), [`${name}Weights`]: table };
  }

  curves(values: Uint16Array | null): Texture {
    return this.filled("curves", "R16UI", 256, 3, values ?? NO_CURVES);
  }

  /** A table of colours, blue by squares of green and red; without any a texel that is not read. */
  table(table: Table | null): Record<"table" | "side", Texture | number> {
    if (!table) return { table: this.filled("no table", "RGBA8UI", 1, 1, NO_TABLE), side: 0 };
    const { side, codes } = table;
    let values = this.widened.get(codes);
    if (!values) this.widened.set(codes, (values = widen(codes)));
    return { table: this.filled("table", "RGBA8UI", side, side * side, values), side };
  }

  /** Paint's limits side by side; without any a texel that is not read. */
  paint(name: string, paint: Paint | null): Texture {
    if (!paint) return this.filled("no paint", "RG16UI", 1, 1, NO_PAINT);
    let values = this.interleaved.get(paint);
    if (!values) this.interleaved.set(paint, (values = interleave(paint)));
    return this.filled(name, "RG16UI", this.width, this.height, values);
  }

  clear(): void {
    for (const texture of this.textures.values()) deleteTexture(this.gl, texture);
    this.textures.clear();
  }

  private filled(name: string, format: Format, width: number, height: number, values: ArrayBufferView): Texture {
    const texture = this.kept(name, width, height, () => makeTexture(this.gl, format, width, height));
    upload(this.gl, texture, values);
    return texture;
  }

  private kept(name: string, width: number, height: number, make: () => Texture): Texture {
    const found = this.textures.get(name);
    if (found?.width === width && found.height === height) return found;
    if (found) deleteTexture(this.gl, found);
    const texture = make();
    this.textures.set(name, texture);
    return texture;
  }
}

const NO_CURVES = new Uint16Array(3 * 256);
const NO_PAINT = new Uint16Array(2);
const NO_TABLE = new Uint8Array(4);

/** Three codes a colour as four, which textures want. */
function widen(codes: Uint8Array): Uint8Array {
  const values = new Uint8Array((codes.length / 3) * 4);
  for (let i = 0; i < codes.length / 3; i++) values.set(codes.subarray(3 * i, 3 * i + 3), 4 * i);
  return values;
}

function interleave({ low, high }: Paint): Uint16Array {
  const values = new Uint16Array(2 * low.length);
  for (let i = 0; i < low.length; i++) {
    values[2 * i] = low[i]!;
    values[2 * i + 1] = high[i]!;
  }
  return values;
}
