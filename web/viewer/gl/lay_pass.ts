/** The pass that lays an adjusted sheet over the picture so far: `rule/compose.ts` for one pixel of the target. */

import { BLEND_NAMES } from "../rule/blend";
import { COLOR, HEAD } from "./common";

const FORMULAS: Record<(typeof BLEND_NAMES)[number], string> = {
  normal: "edit",
  multiply: "below * edit",
  screen: "below + edit - below * edit",
  overlay: "hardLight(edit, below)",
  "hard-light": "hardLight(below, edit)",
  "soft-light": "vec3(softLight(below.r, edit.r), softLight(below.g, edit.g), softLight(below.b, edit.b))",
  darken: "min(below, edit)",
  lighten: "max(below, edit)",
  difference: "abs(below - edit)",
  add: "below + edit",
  subtract: "below - edit",
};

const CASES = BLEND_NAMES.map((name, i) => `if (mode == ${i}) return ${FORMULAS[name]};`).join("\n  ");

export const LAY = `${HEAD}${COLOR}
layout(location = 0) out uvec4 picture;
uniform usampler2D below, sheet, paint;
uniform bool painted, strict;
uniform uint opacity;
uniform int mode;

vec3 hardLight(vec3 below, vec3 edit) {
  return mix(1.0 - 2.0 * (1.0 - below) * (1.0 - edit), 2.0 * below * edit, lessThanEqual(edit, vec3(0.5)));
}
float softLight(float below, float edit) {
  if (edit <= 0.5) return below - (1.0 - 2.0 * edit) * below * (1.0 - below);
  float root = below <= 0.25 ? ((16.0 * below - 12.0) * below + 4.0) * below : sqrt(below);
  return below + (2.0 * edit - 1.0) * (root - below);
}
vec3 blended(vec3 below, vec3 edit) {
  ${CASES}
  return edit;
}

/* The layer at a pixel: what it draws in 1/64 code values, and its alpha after paint and opacity. */
uvec4 layerAt(ivec2 at, uvec3 under) {
  uvec4 own = texelFetch(sheet, at, 0);
  if (painted) {
    uvec2 limits = texelFetch(paint, at, 0).rg;
    own.a = max(limits.r, min(limits.g, own.a));
  }
  own.a = (own.a * opacity + 32767u) / FULL;
  if (mode != 0 && own.a != 0u) {
    own.rgb = fromRgb(clamp(blended(rgbUnit(vec3(under) * 64.0), rgbUnit(vec3(own.rgb))), 0.0, 1.0));
  }
  return own;
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  picture = texelFetch(below, at, 0);
  uint covered = 0u;
  uvec2 sum = uvec2(0u);
  bool all = true;
  for (int i = 0; i < 4; i++) {
    ivec2 one = (at & ~1) + ivec2(i & 1, i >> 1);
    uvec4 own = layerAt(one, texelFetch(below, one, 0).rgb);
    all = all && own.a != 0u;
    covered += own.a;
    sum += own.a * own.gb;
    if (one == at) {
      picture.r = (own.a * own.r + (FULL - own.a) * STEPS * picture.r + FULL * STEPS / 2u) / (FULL * STEPS);
      picture.a = own.a + (picture.a * (FULL - own.a) + 32767u) / FULL;
    }
  }
  if (covered != 0u && (all || !strict)) {
    uint whole = FULL * STEPS * 4u;
    picture.gb = (sum + (FULL * 4u - covered) * STEPS * picture.gb + whole / 2u) / whole;
  }
}`;
