/** WebGL2 in few words: textures of whole numbers, and passes that fill a target by name of their uniforms. */

import { VERTEX } from "./common";

export type Gl = WebGL2RenderingContext;

const FORMATS = {
  R8UI: ["RED_INTEGER", "UNSIGNED_BYTE"],
  R16UI: ["RED_INTEGER", "UNSIGNED_SHORT"],
  RG16UI: ["RG_INTEGER", "UNSIGNED_SHORT"],
  RGBA8UI: ["RGBA_INTEGER", "UNSIGNED_BYTE"],
  RGBA16UI: ["RGBA_INTEGER", "UNSIGNED_SHORT"],
  R32I: ["RED_INTEGER", "INT"],
  R32F: ["RED", "FLOAT"],
  RGBA32F: ["RGBA", "FLOAT"],
} as const;

export type Format = keyof typeof FORMATS;

/** A texture that is read texel by texel, and drawn into once it has a framebuffer. */
export interface Texture {
  texture: WebGLTexture;
  format: Format;
  width: number;
  height: number;
  framebuffer: WebGLFramebuffer | null;
  /** What was uploaded last, so that the same is not uploaded again. */
  content: unknown;
}

export function makeTexture(gl: Gl, format: Format, width: number, height: number): Texture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl[format], width, height);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
    gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  return { texture, format, width, height, framebuffer: null, content: null };
}

export function makeTarget(gl: Gl, width: number, height: number): Texture {
  const target = makeTexture(gl, "RGBA16UI", width, height);
  target.framebuffer = gl.createFramebuffer();
  gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, target.texture, 0);
  return target;
}

export function deleteTexture(gl: Gl, { texture, framebuffer }: Texture): void {
  gl.deleteTexture(texture);
  gl.deleteFramebuffer(framebuffer);
}

export function upload(gl: Gl, into: Texture, content: ArrayBufferView): void {
  if (into.content === content) return;
  const [format, type] = FORMATS[into.format];
  gl.bindTexture(gl.TEXTURE_2D, into.texture);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, into.width, into.height, gl[format], gl[type], content);
  into.content = content;
}

export type Uniforms = Record<string, number | boolean | readonly number[] | Texture>;

export interface Pass {
  /** Draws over the whole target, the canvas if null. */
  run(target: Texture | null, uniforms: Uniforms): void;
}

/** Compiles a pass; a uniform takes a number, a vector or a texture, as the shader declares it. */
export function makePass(gl: Gl, fragment: string): Pass {
  const program = link(gl, fragment);
  const declared = new Map<string, WebGLActiveInfo & { location: WebGLUniformLocation }>();
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const { name, type, size } = gl.getActiveUniform(program, i)!;
    declared.set(name, { name, type, size, location: gl.getUniformLocation(program, name)! });
  }

  function set(name: string, value: Uniforms[string], unit: number): void {
    const uniform = declared.get(name);
    if (!uniform) return; // one that the shader does not use
    if (typeof value === "object" && "texture" in value) {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, value.texture);
      gl.uniform1i(uniform.location, unit);
    } else if (typeof value === "object") gl.uniform2iv(uniform.location, value);
    else if (uniform.type === gl.FLOAT) gl.uniform1f(uniform.location, Number(value));
    else if (uniform.type === gl.UNSIGNED_INT) gl.uniform1ui(uniform.location, Number(value));
    else gl.uniform1i(uniform.location, Number(value));
  }

  return {
    run(target, uniforms) {
      gl.useProgram(program);
      Object.entries(uniforms).forEach(([name, value], unit) => set(name, value, unit));
      gl.bindFramebuffer(gl.FRAMEBUFFER, target?.framebuffer ?? null);
      gl.viewport(0, 0, target?.width ?? gl.drawingBufferWidth, target?.height ?? gl.drawingBufferHeight);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
    },
  };
}

function link(gl: Gl, fragment: string): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, text] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(type)!;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS)) return program;
  const logs = gl.getAttachedShaders(program)!.map((shader) => gl.getShaderInfoLog(shader));
  throw new Error(`a shader cannot be built: ${[gl.getProgramInfoLog(program), ...logs].join(" ")}`);
}
