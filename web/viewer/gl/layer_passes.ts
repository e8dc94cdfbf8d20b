/** Passes that make and adjust a layer's sheet: RGBA16UI, components in 1/64 code values and alpha in 1/65535. */

import { ALPHA_FLOOR } from "../rule/plan";
import { COLOR, HEAD } from "./common";

const SHEET_OUT = `
layout(location = 0) out uvec4 sheet;
`;

/** The source as a picture of code values, every pixel with the chroma sample that it shares, covered by nothing. */
export const START = `${HEAD}${SHEET_OUT}
uniform usampler2D planeY, planeCb, planeCr;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  sheet = uvec4(texelFetch(planeY, at, 0).r, texelFetch(planeCb, at >> 1, 0).r, texelFetch(planeCr, at >> 1, 0).r, 0u);
}`;

/** Decoded planes as a sheet, through the curves of the edit's R'G'B'. */
export const SHEET = `${HEAD}${COLOR}${SHEET_OUT}
uniform usampler2D planeY, planeCb, planeCr, planeAlpha, curves;
uniform bool curved;
uint curve(int channel, int code) { return texelFetch(curves, ivec2(code, channel), 0).r; }
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  uvec3 codes = uvec3(texelFetch(planeY, at, 0).r, texelFetch(planeCb, at >> 1, 0).r, texelFetch(planeCr, at >> 1, 0).r);
  uvec3 ycc = codes * STEPS;
  if (curved) {
    ivec3 rgb = rgbCode(ivec3(codes));
    ycc = fromRgb(vec3(curve(0, rgb.r), curve(1, rgb.g), curve(2, rgb.b)) / 65535.0);
  }
  sheet = uvec4(ycc, texelFetch(planeAlpha, at, 0).r * 257u);
}`;

/** A Gaussian along one axis, of alpha alone or of all; the border goes on. */
export const BLUR = `${HEAD}${SHEET_OUT}
uniform usampler2D from;
uniform sampler2D kernel;
uniform ivec2 along;
uniform bool alphaAlone, floored;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 last = textureSize(from, 0) - 1;
  uvec4 middle = texelFetch(from, at, 0);
  vec4 sum = vec4(middle) * texelFetch(kernel, ivec2(0), 0).r;
  int size = textureSize(kernel, 0).x;
  for (int k = 1; k < size; k++) {
    uvec4 before = texelFetch(from, clamp(at - k * along, ivec2(0), last), 0);
    uvec4 after = texelFetch(from, clamp(at + k * along, ivec2(0), last), 0);
    sum += texelFetch(kernel, ivec2(k, 0), 0).r * vec4(before + after);
  }
  sheet = min(uvec4(floor(sum + 0.5)), 65535u);
  if (alphaAlone) sheet.rgb = middle.rgb;
  if (floored && sheet.a < ${ALPHA_FLOOR}u) sheet.a = 0u;
}`;

/** Moves by whole samples: beyond the layer's frame its colours go on and alpha is 0. */
export const SHIFT = `${HEAD}${SHEET_OUT}
uniform usampler2D from;
uniform ivec2 offset;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy) - offset;
  ivec2 inside = clamp(at, ivec2(0), textureSize(from, 0) - 1);
  sheet = texelFetch(from, inside, 0);
  if (inside != at) sheet.a = 0u;
}`;

/** Bicubic, by tables of the first of four taps and of their weights. */
export const WARP = `${HEAD}${SHEET_OUT}
uniform usampler2D from;
uniform isampler2D columnFirst, rowFirst;
uniform sampler2D columnWeights, rowWeights;
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 last = textureSize(from, 0) - 1;
  ivec2 first = ivec2(texelFetch(columnFirst, ivec2(at.x, 0), 0).r, texelFetch(rowFirst, ivec2(at.y, 0), 0).r);
  vec4 across = texelFetch(columnWeights, ivec2(at.x, 0), 0);
  vec4 down = texelFetch(rowWeights, ivec2(at.y, 0), 0);
  vec4 sum = vec4(0.0);
  for (int y = 0; y < 4; y++) {
    vec4 line = vec4(0.0);
    for (int x = 0; x < 4; x++) {
      ivec2 tap = first + ivec2(x, y);
      ivec2 inside = clamp(tap, ivec2(0), last);
      vec4 value = vec4(texelFetch(from, inside, 0));
      if (inside != tap) value.a = 0.0;
      line += across[x] * value;
    }
    sum += down[y] * line;
  }
  sheet = uvec4(clamp(floor(sum + 0.5), vec4(0.0), vec4(vec3(255.0 * 64.0), 65535.0)));
  if (sheet.a < ${ALPHA_FLOOR}u) sheet.a = 0u;
}`;

/** Erodes or dilates alpha by a disc, and by the next larger one where "share" is not 0. */
export const CHOKE = `${HEAD}${SHEET_OUT}
uniform usampler2D from;
uniform isampler2D rows, nextRows;
uniform float share;
uniform bool grows;
uint ranked(ivec2 at, isampler2D halves) {
  int size = textureSize(halves, 0).x;
  ivec2 last = textureSize(from, 0) - 1;
  uint found = grows ? 0u : 65535u;
  for (int row = 0; row < size; row++) {
    int y = at.y + row - size / 2;
    if (y < 0 || y > last.y) continue;
    int reach = texelFetch(halves, ivec2(row, 0), 0).r;
    for (int x = max(at.x - reach, 0); x <= min(at.x + reach, last.x); x++) {
      uint value = texelFetch(from, ivec2(x, y), 0).a;
      found = grows ? max(found, value) : min(found, value);
    }
  }
  return found;
}
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  sheet = texelFetch(from, at, 0);
  float alpha = float(ranked(at, rows));
  if (share > 0.0) alpha = floor((1.0 - share) * alpha + share * float(ranked(at, nextRows)) + 0.5);
  sheet.a = uint(alpha);
}`;
