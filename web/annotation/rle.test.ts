import { describe, expect, it } from "vitest";
import { decodeMask, encodeMask } from "./rle";

describe("counts", () => {
  it("are those of the server", () => {
    const mask = Uint8Array.from([0, 1, 0, 0, 1, 1, 1, 0, 1]);
    expect(encodeMask(mask, 3, 3)).toBe("232O");
    expect(encodeMask(new Uint8Array(1000), 40, 25)).toBe("Xo0");
    expect([...decodeMask("232O", 3, 3)]).toEqual([...mask]);
  });

  it("come back exactly", () => {
    let seed = 1;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    for (let round = 0; round < 200; round++) {
      const width = 1 + Math.floor(random() * 90);
      const height = 1 + Math.floor(random() * 90);
      const share = random();
      const mask = Uint8Array.from({ length: width * height }, () => (random() < share ** 4 ? 1 : 0));
      expect(decodeMask(encodeMask(mask, width, height), width, height)).toEqual(mask);
    }
  });
});
