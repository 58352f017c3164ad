// Times to choose from.
import { t } from "../i18n";

export interface TimeChoice {
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

const minute = 60_000;

/** A morning at eight: that of tomorrow, or of the next Monday. */
function morning(now: number, monday: boolean): number {
  const day = new Date(now);
  day.setHours(8, 0, 0, 0);
  do day.setDate(day.getDate() + 1);
  while (monday && day.getDay() !== 1);
  return day.getTime();
}

/** When to be reminded. */
export function reminderTimes(now = Date.now()): TimeChoice[] {
  return [
    { label: t.time.inMinutes(20), time: now + 20 * minute },
    { label: t.time.inHours(1), time: now + 60 * minute },
    { label: t.time.inHours(3), time: now + 180 * minute },
    { label: t.time.tomorrow, time: morning(now, false) },
    { label: t.time.nextWeek, time: morning(now, true) },
  ];
}

/** For how long to be muted. */
export function muteTimes(now = Date.now()): TimeChoice[] {
  return [
    { label: t.time.forHours(1), time: now + 60 * minute },
    { label: t.time.forHours(8), time: now + 480 * minute },
    { label: t.time.untilTomorrow, time: morning(now, false) },
    { label: t.time.untilNextWeek, time: morning(now, true) },
  ];
}
