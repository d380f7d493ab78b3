/** What lies over the current screen without closing it. */

class Overlay {
  /** Signing in again while a form stays open underneath. */
  signIn = $state(false);
  /** Badge just read by a station that waits; its PIN is asked next. */
  badge = $state<string | null>(null);
}

export const overlay = new Overlay();
