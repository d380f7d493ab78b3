/** What the configuration of this station asks of its screen: when it keeps quiet, whether it sounds at all. */

interface QuietHours {
  /** Local times `HH:MM`; a period that ends earlier than it starts ends the next day. */
  start: string;
  until: string;
  /** Days a period begins on, Monday is 0. */
  days: number[];
}

export interface StationRules {
  time_zone: string;
  quiet_hours: QuietHours | null;
  screen: { sound: boolean };
}

const PLACE = "usinage.station-rules";
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Weekday (Monday 0) and `HH:MM` of an instant in a zone. */
function localClock(at: Date, zone: string): [day: number, clock: string] {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(at);
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return [DAYS.indexOf(of("weekday")), `${of("hour")}:${of("minute")}`];
}

export function isQuiet(rules: StationRules, at: Date): boolean {
  const hours = rules.quiet_hours;
  if (hours === null) return false;
  const [day, clock] = localClock(at, rules.time_zone);
  if (hours.start < hours.until) return hours.days.includes(day) && hours.start <= clock && clock < hours.until;
  if (clock >= hours.start) return hours.days.includes(day);
  return clock < hours.until && hours.days.includes((day + 6) % 7);
}

/** Kept on the device, so that a station without a line is quiet as well. */
export function keepRules(rules: StationRules): void {
  localStorage.setItem(PLACE, JSON.stringify(rules));
}

function keptRules(): StationRules | null {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "null") as StationRules | null;
  } catch {
    return null;
  }
}

/** Whether the station's screen may sound now; what nobody set may sound. */
export function mayStationSound(atMs: number): boolean {
  const rules = keptRules();
  return rules === null || (rules.screen.sound && !isQuiet(rules, new Date(atMs)));
}
