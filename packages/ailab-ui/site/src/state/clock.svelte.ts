/** The time, for "5 min ago": one slow tick for the whole page. */

class Clock {
  /** Seconds since the epoch. */
  now = $state(Date.now() / 1000);

  constructor() {
    const tick = () => (this.now = Date.now() / 1000);
    setInterval(tick, 10_000);
    document.addEventListener("visibilitychange", tick);
  }
}

export const clock = new Clock();
