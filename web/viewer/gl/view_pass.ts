/** The pass that turns what was composed into R'G'B' of one view; `views.ts` does the same without WebGL. */

import { CHECKERS, OVERLAY, VIEWS } from "../views";
import { COLOR, HEAD } from "./common";

const vec = (codes: readonly number[]) => `vec3(${codes.map((code) => code.toFixed(1)).join(", ")})`;
const index = (name: (typeof VIEWS)[number]) => VIEWS.indexOf(name);

export const VIEW = `${HEAD}${COLOR}
layout(location = 0) out vec4 color;
uniform usampler2D source, result, top;
uniform int view, height;
uniform bool overlay, checkerboard, layered;

vec3 codes(uvec4 picture) { return vec3(rgbCode(ivec3(picture.rgb))); }

vec3 edited(ivec2 at, float alpha) {
  bool light = ((at.x / ${CHECKERS.size} + at.y / ${CHECKERS.size}) & 1) == 0;
  vec3 ground = light ? ${vec(CHECKERS.light)} : ${vec(CHECKERS.dark)};
  if (!layered) return checkerboard ? ground : vec3(0.0);
  vec3 edit = vec3(rgbCode(ivec3((texelFetch(top, at, 0).rgb + 32u) / STEPS)));
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
