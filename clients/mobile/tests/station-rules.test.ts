import { beforeEach, describe, expect, it, vi } from "vitest";
import { isQuiet, keepRules, mayStationSound, type StationRules } from "../src/lib/state/station-rules";

const NIGHT: StationRules = {
  time_zone: "Europe/Paris",
  quiet_hours: { start: "22:00", until: "06:00", days: [0, 1, 2, 3, 4] },
  screen: { sound: true },
};

describe("quiet hours of a station's screen", () => {
  beforeEach(() => {
    const kept = new Map<string, string>();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    });
  });

  it.each([
    ["2026-11-23T21:59:00+01:00", false],
    ["2026-11-23T22:00:00+01:00", true],
    ["2026-11-24T05:59:00+01:00", true],
    ["2026-11-24T06:00:00+01:00", false],
    ["2026-11-28T02:00:00+01:00", true], // Saturday morning belongs to Friday's night
    ["2026-11-28T23:00:00+01:00", false],
    ["2026-11-23T04:00:00+01:00", false], // Monday morning belongs to Sunday's night
    ["2026-07-06T22:30:00+02:00", true], // summer time
  ])("%s", (instant, quiet) => {
    expect(isQuiet(NIGHT, new Date(instant))).toBe(quiet);
  });

  it("follows the station's zone, not the screen's", () => {
    const noon = { ...NIGHT, time_zone: "Asia/Tokyo", quiet_hours: { start: "12:00", until: "13:00", days: [0] } };
    expect(isQuiet(noon, new Date("2026-11-23T03:30:00Z"))).toBe(true);
    expect(isQuiet(noon, new Date("2026-11-23T12:30:00Z"))).toBe(false);
  });

  it("is mute at night and where sound is off, and sounds until rules are known", () => {
    const night = Date.parse("2026-11-23T23:00:00+01:00");
    const day = Date.parse("2026-11-23T10:00:00+01:00");
    expect(mayStationSound(night)).toBe(true);
    keepRules(NIGHT);
    expect([mayStationSound(night), mayStationSound(day)]).toEqual([false, true]);
    keepRules({ ...NIGHT, quiet_hours: null, screen: { sound: false } });
    expect(mayStationSound(day)).toBe(false);
  });
});
