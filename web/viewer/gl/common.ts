/** GLSL that several passes share: BT.709 in whole numbers as `rule/color.ts`, matte paint and opacity. */

import { FROM_RGB, OFFSET, TO_RGB } from "../rule/color";

export const HEAD = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp isampler2D;
`;

/** One triangle that covers the target. */
export const VERTEX = `${HEAD}
void main() {
  gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

const row = (component: 0 | 1 | 2) => `vec3(${FROM_RGB[component].map((value) => value.toFixed(5)).join(", ")})`;

export const COLOR = `
const uint FULL = 65535u;
const uint STEPS = 64u;

/* Numerators of R'G'B' over 65536, of code values. */
ivec3 rgbSum(ivec3 ycc) {
  ivec3 c = ycc - ivec3(${OFFSET.join(", ")});
  int luma = ${TO_RGB.y} * c.x;
  return ivec3(luma + ${TO_RGB.redCr} * c.z, luma + (${TO_RGB.greenCb}) * c.y + (${TO_RGB.greenCr}) * c.z, luma + ${TO_RGB.blueCb} * c.y);
}

/* R'G'B' of 8 bits of code values. */
ivec3 rgbCode(ivec3 ycc) {
  return clamp((rgbSum(ycc) + 32768) >> 16, 0, 255);
}

/* R'G'B' in [0,1] of 1/64 code values, not rounded. */
vec3 rgbUnit(vec3 ycc) {
  vec3 c = ycc / 64.0 - vec3(${OFFSET.map((value) => value.toFixed(1)).join(", ")});
  float luma = ${TO_RGB.y}.0 * c.x;
  vec3 rgb = vec3(luma + ${TO_RGB.redCr}.0 * c.z, luma + (${TO_RGB.greenCb}.0) * c.y + (${TO_RGB.greenCr}.0) * c.z, luma + ${TO_RGB.blueCb}.0 * c.y);
  return clamp(rgb / (65536.0 * 255.0), 0.0, 1.0);
}

/* 1/64 code values of R'G'B' in [0,1]. */
uvec3 fromRgb(vec3 rgb) {
  vec3 codes = vec3(dot(${row(0)}, rgb), dot(${row(1)}, rgb), dot(${row(2)}, rgb)) + vec3(${OFFSET.map((value) => value.toFixed(1)).join(", ")});
  return uvec3(floor(codes * 64.0 + 0.5));
}
`;
