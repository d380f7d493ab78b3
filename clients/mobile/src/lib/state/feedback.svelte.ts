/** The full-width confirmation after each act: words, colour, sound and vibration together. */
import { prefs } from "./prefs.svelte";
import { mayStationSound } from "./station-rules";

export type Tone = "success" | "waiting" | "warning" | "danger";

export interface Confirmation {
  tone: Tone;
  title: string;
  detail: string | null;
  /** What to do now, for refusals. */
  advice?: string | null;
}

const NOTES: Record<Tone, [frequencyHz: number, startS: number, durationS: number][]> = {
  success: [
    [880, 0, 0.09],
    [1320, 0.1, 0.14],
  ],
  waiting: [[880, 0, 0.12]],
  warning: [
    [520, 0, 0.14],
    [520, 0.22, 0.14],
  ],
  danger: [
    [240, 0, 0.22],
    [200, 0.26, 0.34],
  ],
};
const VIBRATION_MS: Record<Tone, number[]> = {
  success: [60],
  waiting: [60],
  warning: [80, 80, 80],
  danger: [250, 100, 250],
};

let audio: AudioContext | null = null;

/** Browsers allow sound only after a gesture: call from the first one. */
export function allowSound(): void {
  if (typeof AudioContext === "undefined") return;
  audio ??= new AudioContext();
  void audio.resume();
}

function play(tone: Tone): void {
  if (!prefs.sound || audio?.state !== "running") return;
  for (const [frequency, start, duration] of NOTES[tone]) {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    const from = audio.currentTime + start;
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(0.25, from + 0.01);
    gain.gain.setValueAtTime(0.25, from + duration - 0.02);
    gain.gain.linearRampToValueAtTime(0, from + duration);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(from);
    oscillator.stop(from + duration);
  }
}

export function signal(tone: Tone): void {
  // A station that keeps quiet stays mute; the panel with its words and colour is the answer.
  if (prefs.station !== null && !mayStationSound(Date.now())) return;
  play(tone);
  if ("vibrate" in navigator) navigator.vibrate(VIBRATION_MS[tone]);
}

class Feedback {
  current = $state<Confirmation | null>(null);

  show(confirmation: Confirmation): void {
    this.current = confirmation;
    signal(confirmation.tone);
  }

  close(): void {
    this.current = null;
  }
}

export const feedback = new Feedback();
