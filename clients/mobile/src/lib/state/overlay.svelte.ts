/** What lies over the current screen without closing it. */

class Overlay {
  /** Signing in again while a form stays open underneath. */
  signIn = $state(false);
}

export const overlay = new Overlay();
