/** Numbers, times and sizes as short, steady text. */

import type { Num } from "../api/types";

/** A number off the wire: the strings "NaN", "Infinity" and "-Infinity" are numbers too. */
export function toNumber(value: Num): number {
  if (typeof value === "number") return value;
  return value === "Infinity" ? Infinity : value === "-Infinity" ? -Infinity : Number.NaN;
}

/** Four significant digits, never more than about ten characters: 0.9813, 12.35, 1 234 567 as 1.235e6. */
export function formatValue(value: Num): string {
  const number = toNumber(value);
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  if (number === 0) return "0";
  const size = Math.abs(number);
  let text: string;
  if (Number.isInteger(number) && size < 1e6) text = String(number);
  else if (size >= 1e6 || size < 1e-4) text = number.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e");
  else if (size >= 1000) text = number.toFixed(1);
  else text = number.toPrecision(4);
  return text.replaceAll("-", "−");
}

export function formatPercent(fraction: number): string {
  const percent = 100 * Math.min(1, Math.max(0, fraction));
  // Never "100 %" before the end.
  return `${Math.floor(percent + 1e-9)} %`;
}

/** "42s", "3m 05s", "2h 10m", "4d 3h": two units at most. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`;
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`;
}

/** "just now", "5 min ago", "3 h ago", "yesterday"-like "1 d ago"; a date beyond thirty days. Both in seconds. */
export function formatAgo(time: number, now: number): string {
  const age = now - time;
  if (age < 45) return "just now";
  if (age < 5400) return `${Math.max(1, Math.round(age / 60))} min ago`;
  if (age < 36 * 3600) return `${Math.round(age / 3600)} h ago`;
  if (age < 30 * 86_400) return `${Math.round(age / 86_400)} d ago`;
  return formatDate(time);
}

const two = (n: number) => String(n).padStart(2, "0");

/** Local date, ISO order. */
export function formatDate(time: number): string {
  const d = new Date(time * 1000);
  if (Number.isNaN(d.getTime())) return "–";
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

/** Local time of day, 24 hours. */
export function formatClock(time: number, seconds = true): string {
  const d = new Date(time * 1000);
  if (Number.isNaN(d.getTime())) return "–";
  return `${two(d.getHours())}:${two(d.getMinutes())}${seconds ? `:${two(d.getSeconds())}` : ""}`;
}

export function formatDateTime(time: number): string {
  return `${formatDate(time)} ${formatClock(time)}`;
}

export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
