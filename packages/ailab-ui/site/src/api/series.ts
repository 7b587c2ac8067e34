/** The binary answer of GET /runs/{run}/series, decoded (docs/api.md, "Series"). */

export interface Series {
  readonly metric: string;
  /** Points sent, and points there are; fewer were sent than there are when `reduced`. */
  readonly count: number;
  readonly total: number;
  readonly reduced: boolean;
  readonly steps: Float64Array;
  /** Seconds since the epoch. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

export class SeriesError extends Error {}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The bytes of `count` little-endian float64 at `offset`; a view of the buffer where the machine allows it. */
function floats(buffer: ArrayBuffer, offset: number, count: number): Float64Array {
  if (littleEndian && offset % 8 === 0) return new Float64Array(buffer, offset, count);
  const view = new DataView(buffer);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(offset + 8 * i, true));
}

export function decodeSeries(buffer: ArrayBuffer): Map<string, Series> {
  if (buffer.byteLength < 4) throw new SeriesError("the series answer is too short");
  const length = new DataView(buffer).getUint32(0, true);
  if (4 + length > buffer.byteLength) throw new SeriesError("the series answer ends within its header");
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  } catch {
    throw new SeriesError("the header of the series answer is not JSON");
  }
  const entries = (header as { series?: unknown } | null)?.series;
  if (!Array.isArray(entries)) throw new SeriesError("the header of the series answer lists no series");
  const found = new Map<string, Series>();
  let offset = 4 + length;
  for (const entry of entries as { metric: unknown; count: unknown; total?: unknown; reduced?: unknown }[]) {
    const { metric, count } = entry;
    if (typeof metric !== "string" || typeof count !== "number" || !Number.isInteger(count) || count < 0) {
      throw new SeriesError("an entry of the series header is malformed");
    }
    if (offset + 24 * count > buffer.byteLength) throw new SeriesError(`the series answer ends within "${metric}"`);
    found.set(metric, {
      metric,
      count,
      total: typeof entry.total === "number" ? entry.total : count,
      reduced: entry.reduced === true,
      steps: floats(buffer, offset, count),
      times: floats(buffer, offset + 8 * count, count),
      values: floats(buffer, offset + 16 * count, count),
    });
    offset += 24 * count;
  }
  return found;
}
