// Times, sizes and lists by locale.
import { language, t } from ".";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = language + JSON.stringify(options);
  let known = formats.get(name);
  if (known === undefined) {
    known = new Intl.DateTimeFormat(locale(), options);
    formats.set(name, known);
  }
  return known;
}

// By far the most used one.
let clocks: { language: string; format: Intl.DateTimeFormat } | null = null;

/** The person's own locale where it speaks the language, so that times are as they are used to. */
function locale(): string {
  return navigator.languages.find((one) => one.split("-")[0] === language) ?? language;
}

const day = (time: Date): number => Math.floor((time.getTime() - time.getTimezoneOffset() * 60_000) / 86_400_000);

/** `10:42` */
export function clock(time: number): string {
  if (clocks?.language !== language) clocks = { language, format: format({ hour: "2-digit", minute: "2-digit" }) };
  return clocks!.format.format(time);
}

/** When, in a list: the time of today, `Yesterday`, the weekday of this week or of the days to come, else the date. */
export function brief(time: number, now = Date.now()): string {
  const ago = day(new Date(now)) - day(new Date(time));
  if (ago === 0) return clock(time);
  if (ago === 1) return t.timeline.yesterday;
  if (Math.abs(ago) < 7) return format({ weekday: "short" }).format(time);
  if (new Date(time).getFullYear() === new Date(now).getFullYear()) return format({ day: "numeric", month: "short" }).format(time);
  return format({ day: "2-digit", month: "2-digit", year: "2-digit" }).format(time);
}

/** A day line; `days` since 1970-01-01. */
export function dayLine(days: number, now = Date.now()): string {
  // Noon, so that no time zone makes it another day.
  const date = new Date(days * 86_400_000 + 43_200_000);
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "long", timeZone: "UTC" };
  const ago = day(new Date(now)) - days;
  if (ago === 0) return `${t.timeline.today}, ${format(options).format(date)}`;
  if (ago === 1) return `${t.timeline.yesterday}, ${format(options).format(date)}`;
  const year = date.getUTCFullYear() !== new Date(now).getFullYear();
  return format({ ...options, weekday: "long", ...(year ? { year: "numeric" } : {}) }).format(date);
}

/** The whole date and time. */
export function full(time: number): string {
  return t.time.at(format({ weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(time), clock(time));
}

/** Date and time, briefly. */
export function short(time: number, now = Date.now()): string {
  return `${brief(time, now)}${day(new Date(now)) === day(new Date(time)) ? "" : `, ${clock(time)}`}`;
}

/** A size: `2.4 MB`. */
export function bytes(size: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  let at = 0;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000;
    at++;
  }
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit: units[at]!,
    unitDisplay: at === 0 ? "long" : "short",
    maximumFractionDigits: size < 10 && at > 0 ? 1 : 0,
  }).format(size);
}

/** `0:24` */
export function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** `A, B and C` */
export function names(all: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(all);
}

/** A count that fits a badge. */
export function badge(count: number): string {
  return count > 99 ? "99+" : String(count);
}
