/** The pass that turns what was composed into R'G'B' of one view; `views.ts` does the same without WebGL. */

import { CHECKERS, OVERLAY, VIEWS } from "../views";
import { COLOR, HEAD } from "./common";

const vec = (codes: readonly number[]) => `vec3(${codes.map((code) => code.toFixed(1)).join(", ")})`;
const index = (name: (typeof VIEWS)[number]) => VIEWS.indexOf(name);

export const VIEW = `${HEAD}${COLOR}
layout(location = 0) out vec4 color;
uniform usampler2D source, result, top, table;
uniform int view, height, side;
uniform bool overlay, checkerboard, layered;

vec3 node(ivec3 at) { return vec3(texelFetch(table, ivec2(at.r, at.b * side + at.g), 0).rgb); }

/* What the table shows of R'G'B' of 8 bits, as lookUp in rule/table.ts. */
vec3 shown(vec3 rgb) {
  if (side == 0) return rgb;
  vec3 place = rgb * float(side - 1) / 255.0;
  ivec3 at = min(ivec3(floor(place)), side - 2);
  vec3 part = place - vec3(at);
  vec3 found[2];
  for (int deep = 0; deep < 2; deep++) {
    ivec3 first = at + ivec3(0, 0, deep);
    vec3 top = mix(node(first), node(first + ivec3(1, 0, 0)), part.r);
    vec3 bottom = mix(node(first + ivec3(0, 1, 0)), node(first + ivec3(1, 1, 0)), part.r);
    found[deep] = mix(top, bottom, part.g);
  }
  return floor(mix(found[0], found[1], part.b) + 0.5);
}

vec3 codes(uvec4 picture) { return shown(vec3(rgbCode(ivec3(picture.rgb)))); }

vec3 edited(ivec2 at, float alpha) {
  bool light = ((at.x / ${CHECKERS.size} + at.y / ${CHECKERS.size}) & 1) == 0;
  vec3 ground = light ? ${vec(CHECKERS.light)} : ${vec(CHECKERS.dark)};
  if (!layered) return checkerboard ? ground : vec3(0.0);
  vec3 edit = shown(vec3(rgbCode(ivec3((texelFetch(top, at, 0).rgb + 32u) / STEPS))));
  return checkerboard ? floor(mix(ground, edit, alpha) + 0.5) : edit;
}

void main() {
  ivec2 at = ivec2(int(gl_FragCoord.x), height - 1 - int(gl_FragCoord.y));
  uvec4 before = texelFetch(source, at, 0);
  uvec4 after = texelFetch(result, at, 0);
  float alpha = float(after.a) / 65535.0;
  vec3 rgb = codes(after);
  if (view == ${index("source")}) rgb = codes(before);
  if (view == ${index("edit")}) rgb = edited(at, alpha);
  if (view == ${index("difference")}) rgb = abs(rgb - codes(before));
  if (view == ${index("alpha")}) rgb = vec3(floor(alpha * 255.0 + 0.5));
  if (view == ${index("matte")}) rgb = vec3(after.a == 0u ? 0.0 : after.a == FULL ? 255.0 : 128.0);
  if (overlay) rgb = floor(mix(rgb, ${vec(OVERLAY.color)}, alpha * ${OVERLAY.opacity}) + 0.5);
  color = vec4(rgb / 255.0, 1.0);
}`;
