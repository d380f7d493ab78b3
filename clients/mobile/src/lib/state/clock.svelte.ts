/** The current time as reactive state, renewed every second for running clocks. */

class Clock {
  now = $state(new Date());

  constructor() {
    if (typeof window !== "undefined") setInterval(() => (this.now = new Date()), 1000);
  }
}

export const clock = new Clock();
