// What calls for attention without the eye: a word for screen readers and, where it is switched on, a sound.

const TONES = [660, 880];

export class Attention {
  #before = null;
  #audio = null;

  constructor(region, context) {
    this.region = region;
    this.context = context;
  }

  /** Tell of the queues that breach now and did not a moment ago. */
  look(looks) {
    const { words, settings } = this.context;
    const now = new Map(looks.filter(({ status }) => status === "bad").map(({ tile }) => [`${tile.channel}/${tile.queue}`, tile.queue]));
    const fresh = this.#before ? [...now].filter(([key]) => !this.#before.has(key)).map(([, name]) => name) : [];
    this.#before = now;
    if (!fresh.length) return;
    this.region.textContent = words.announce(fresh.join(", "));
    if (settings.sound) this.#chime();
  }

  #chime() {
    this.#audio ??= new AudioContext();
    const { currentTime: at } = this.#audio;
    TONES.forEach((frequency, index) => {
      const [tone, volume] = [this.#audio.createOscillator(), this.#audio.createGain()];
      tone.frequency.value = frequency;
      const begin = at + index * 0.18;
      volume.gain.setValueAtTime(0.0001, begin);
      volume.gain.exponentialRampToValueAtTime(0.15, begin + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.5);
      tone.connect(volume).connect(this.#audio.destination);
      tone.start(begin);
      tone.stop(begin + 0.55);
    });
  }
}

/** Keep the screen awake while the page is to be seen; where the browser cannot, nothing happens. */
export function stayAwake() {
  const ask = async () => {
    try {
      await navigator.wakeLock?.request("screen");
    } catch {
      // the browser refuses on battery or without TLS: the screen's own settings decide
    }
  };
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  ask();
}
