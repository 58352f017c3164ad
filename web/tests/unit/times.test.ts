// @vitest-environment jsdom
import { beforeAll, describe, expect, it } from "vitest";
import { brief, clock, short } from "../../src/i18n/format";
import { speak } from "../../src/i18n";

const now = new Date(2026, 10, 23, 10, 45).getTime();
const day = 86_400_000;

describe("a time, briefly", () => {
  beforeAll(() => speak("en"));

  it("of today is its hour alone", () => expect(short(now + 3_600_000, now)).toBe(clock(now + 3_600_000)));
  it("that was says the day before its hour", () => expect(short(now - day, now)).toBe(`Yesterday, ${clock(now)}`));
  it("to come names the day that is meant", () => {
    expect(brief(now + day, now)).toBe("Tue");
    expect(short(now + day, now)).toBe(`Tue, ${clock(now)}`);
    expect(brief(now + 7 * day, now)).toMatch(/30/);
  });
});
