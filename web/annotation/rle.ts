// Masks as COCO's compressed run lengths, the same as `vera.construction.formats.rle`; in memory a byte a pixel, by rows.

const FIRST = 48;
const MORE = 32;

/** The mask that counts say, 0 or 1 a pixel. */
export function decodeMask(counts: string, width: number, height: number): Uint8Array {
  const mask = new Uint8Array(width * height);
  let at = 0;
  let on = false;
  for (const run of numbers(counts)) {
    if (on) for (let i = at; i < at + run; i++) mask[(i % height) * width + Math.floor(i / height)] = 1;
    at += run;
    on = !on;
  }
  return mask;
}

/** The counts of a mask. */
export function encodeMask(mask: Uint8Array, width: number, height: number): string {
  const runs: number[] = [];
  let on = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      const value = mask[y * width + x] ? 1 : 0;
      if (value !== on) {
        runs.push(run);
        run = 0;
        on = value;
      }
      run++;
    }
  }
  runs.push(run);
  return runs.map((value, index) => letters(index > 2 ? value - runs[index - 2]! : value)).join("");
}

function letters(number: number): string {
  let text = "";
  for (;;) {
    const bits = number & 31;
    number >>= 5;
    const more = number !== (bits & 16 ? -1 : 0);
    text += String.fromCharCode(FIRST + (more ? bits | MORE : bits));
    if (!more) return text;
  }
}

function numbers(counts: string): number[] {
  const runs: number[] = [];
  let at = 0;
  while (at < counts.length) {
    let number = 0;
    let place = 0;
    let value = MORE;
    while (value & MORE) {
      value = counts.charCodeAt(at++) - FIRST;
      number |= (value & 31) << (5 * place++);
    }
    if (value & 16) number |= -1 << (5 * place);
    runs.push(runs.length > 2 ? number + runs[runs.length - 2]! : number);
  }
  return runs;
}
