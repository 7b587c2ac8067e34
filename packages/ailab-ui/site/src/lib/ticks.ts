/** Tick labels of the three x axes and of the y axis. */

import { formatClock, formatDate } from "./format";

/** Distances between ticks of relative time, in seconds. */
export const DURATION_STEPS = [
  0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  172_800, 432_000, 864_000,
];

/** Seconds as "0", "1.5s", "5m", "1h30", "2d": as fine as `step` needs. */
export function durationTick(seconds: number, step: number): string {
  if (seconds === 0) return "0";
  const sign = seconds < 0 ? "−" : "";
  const s = Math.abs(seconds);
  if (step < 1) return `${sign}${s.toFixed(Math.min(3, Math.ceil(-Math.log10(step))))}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (step < 60) return s < 60 ? `${sign}${s}s` : `${sign}${Math.floor(s / 60)}:${two(s % 60)}`;
  if (step < 3600) {
    const minutes = Math.round(s / 60);
    return minutes < 60 ? `${sign}${minutes}m` : `${sign}${Math.floor(minutes / 60)}h${two(minutes % 60)}`;
  }
  const hours = Math.round(s / 3600);
  if (hours % 24 === 0) return `${sign}${hours / 24}d`;
  return hours < 24 ? `${sign}${hours}h` : `${sign}${Math.floor(hours / 24)}d${hours % 24}h`;
}

/** Local time of day; the date where a new day starts or days are the step. */
export function wallTick(time: number, step: number, previous: number | null): string {
  if (step >= 86_400) return formatDate(time).slice(5);
  const clock = formatClock(time, step < 60);
  const newDay = previous !== null && formatDate(previous) !== formatDate(time);
  return newDay ? `${formatDate(time).slice(5)} ${clock}` : clock;
}

/** A number with the digits that `step` needs, and 1.2M-like short forms for big ones. */
export function valueTick(value: number, step: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const minus = (text: string) => text.replaceAll("-", "−");
  if (size >= 1e9 || size < 1e-4) return minus(value.toExponential(Math.max(0, Math.min(3, digits(value, step)))).replace("e+", "e"));
  for (const [unit, letter] of [[1e6, "M"], [1e3, "k"]] as const) {
    if (size >= 10 * unit || (size >= unit && step >= unit / 10)) return minus(trim(value / unit, step / unit)) + letter;
  }
  return minus(trim(value, step));
}

function trim(value: number, step: number): string {
  if (step <= 0) return String(Number(value.toPrecision(3)));
  // As many places as tell neighbours apart exactly: 0.25 needs two although 0.2 and 0.3 need one.
  let places = 0;
  while (places < 8 && Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) > 1e-6) places += 1;
  return value.toFixed(places);
}

function digits(value: number, step: number): number {
  return step > 0 ? Math.round(Math.log10(Math.abs(value)) - Math.log10(step)) : 0;
}
