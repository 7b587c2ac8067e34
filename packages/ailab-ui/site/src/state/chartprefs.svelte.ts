/** How charts are drawn; kept in this browser. */

import type { XAxis } from "../lib/align";
import { loadPreference, savePreference } from "./storage";

const saved = loadPreference("charts", { axis: "step" as XAxis, log: false, smoothing: 0 });

class ChartPreferences {
  axis: XAxis = $state(["step", "relative", "wall"].includes(saved.axis) ? saved.axis : "step");
  log = $state(saved.log);
  /** Weight of the past, 0 .. 0.999. */
  smoothing = $state(Math.min(0.999, Math.max(0, saved.smoothing)));

  save(): void {
    savePreference("charts", { axis: this.axis, log: this.log, smoothing: this.smoothing });
  }
}

export const chartPreferences = new ChartPreferences();
