import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Throttle } from "../src/lib/throttle";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

test("many demands, at most one job per spacing, and the last demand is served", async () => {
  const job = vi.fn(async () => undefined);
  const throttle = new Throttle(job, 500);
  for (let i = 0; i < 100; i++) {
    throttle.request();
    await vi.advanceTimersByTimeAsync(10);
  }
  await vi.advanceTimersByTimeAsync(2000);
  expect(job.mock.calls.length).toBeGreaterThanOrEqual(2);
  expect(job.mock.calls.length).toBeLessThanOrEqual(3);
});

test("never two at once; a slow job spaces itself out", async () => {
  let running = 0;
  let most = 0;
  let calls = 0;
  const throttle = new Throttle(async () => {
    calls += 1;
    most = Math.max(most, ++running);
    await new Promise((done) => setTimeout(done, 1000));
    running -= 1;
  }, 500);
  for (let i = 0; i < 39; i++) {
    throttle.request();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(most).toBe(1);
  expect(calls).toBe(2);
});

test("closed means closed", async () => {
  const job = vi.fn(async () => undefined);
  const throttle = new Throttle(job, 10);
  throttle.request();
  throttle.close();
  throttle.request();
  await vi.advanceTimersByTimeAsync(100);
  expect(job).not.toHaveBeenCalled();
});
