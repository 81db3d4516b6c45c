// An I2S microphone: 24 bits in a slot of 32, 64 bit clocks a frame, silent for 2^18 clocks after it
// has a clock. It notices word select as the bit clock rises. INMP441, ICS-43434: a bit changes
// after the clock has fallen. SPH0645: a bit changes after the clock has risen, half a period early.
const BITS = 24, SLOT = 32, SILENT_CLOCKS = 1 << 18;

export class I2sMicrophone {
  /** pins: {clock, word}. right: it answers while word select is high. early: as the SPH0645.
   * delay: ns from the clock's edge to the bit. sound: a Sound, whose next() gives int16. */
  constructor({ pins, right = false, early = false, delay = 60, sound }) {
    Object.assign(this, { pins, right, early, delay, sound });
    this.word = null;
    this.clocks = 0;
    this.sample = 0;
    this.left = 0; // bits of the sample still to send
    this.from = [0, 0]; // times at which the levels begin
    this.levels = [0, 0]; // the one before, the newest
    this.wrongFrames = 0;
    this.slotClocks = 0;
    this.frames = 0;
  }

  /** The clock's pin has changed, at `ns`; values: of all pins. */
  edge(values, ns) {
    const high = (values >>> this.pins.clock) & 1, word = (values >>> this.pins.word) & 1;
    if (high) {
      this.clocks++;
      this.slotClocks++;
      if (word !== this.word) this.#slot(word);
    }
    if (high === (this.early ? 1 : 0)) this.#shift(ns + this.delay);
  }

  #slot(word) {
    if (this.word !== null && this.slotClocks !== SLOT) this.wrongFrames++;
    this.slotClocks = 0;
    this.word = word;
    this.left = 0;
    if (word !== (this.right ? 1 : 0)) return;
    this.frames++;
    const heard = this.sound.next();
    // what is below 16 bits: the microphone's own noise, constant here
    this.sample = this.clocks > SILENT_CLOCKS ? ((heard << 8) | 0x5a) : 0;
    this.left = BITS;
  }

  #shift(ns) {
    let level = 0; // pulled down where nobody drives it
    if (this.left > 0) level = (this.sample >>> --this.left) & 1;
    this.from = [this.from[1], ns];
    this.levels = [this.levels[1], level];
  }

  /** The level at `ns`. */
  level(ns) {
    return ns >= this.from[1] ? this.levels[1] : this.levels[0];
  }
}
