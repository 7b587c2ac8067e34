/** As if the whole x axis had this many points: what the slider's weight means does not depend on how often one logs. */
const POINTS = 1000;

/**
 * Exponential moving average over x: m ← a m + (1 − a) v with a = weightᵏ, k the distance to the point before in
 * thousandths of the axis. Shown is m / n, n being the same average of ones: that takes the start's bias out, as in Adam
 * (Kingma and Ba 2015, section 3). What is not finite is passed through and does not count.
 */
export function smooth(x: ArrayLike<number>, values: ArrayLike<number>, weight: number): Float64Array {
  const out = Float64Array.from(values);
  if (weight <= 0) return out;
  let [low, high, count] = [Infinity, -Infinity, 0];
  for (let i = 0; i < out.length; i++) {
    if (!Number.isFinite(out[i]) || !Number.isFinite(x[i])) continue;
    low = Math.min(low, x[i]!);
    high = Math.max(high, x[i]!);
    count += 1;
  }
  const range = high > low ? high - low : 1;
  let [mean, norm, before] = [0, 0, Number.NaN];
  for (let i = 0; i < out.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value) || !Number.isFinite(x[i])) continue;
    // Equal x, or one that goes back (a resumed run), counts as the mean distance; so does the first point.
    const distance = x[i]! > before ? (x[i]! - before) / range : 1 / Math.max(1, count - 1);
    const keep = weight ** (distance * POINTS);
    mean = keep * mean + (1 - keep) * value;
    norm = keep * norm + (1 - keep);
    before = x[i]!;
    out[i] = mean / norm;
  }
  return out;
}
