// A PDM microphone's data pin in time. It drives one half of each clock period: the low one with
// SELECT low, the high one with SELECT high. A bit is valid from `valid` ns after the half has begun
// until `hold` ns after it has ended. Before and after, the pin has any level.
export class PdmTiming {
  /** microphone: its bit() gives the next bit. clock: its clock's pin. right: SELECT is high. */
  constructor({ microphone, clock, right = false, valid = 125, hold = 0 }) {
    Object.assign(this, { microphone, clock, right, valid, hold });
    this.bits = [0, 0]; // the one before, the newest
    this.begins = [-Infinity, -Infinity];
    this.ends = [-Infinity, -Infinity];
    this.wrong = 0; // reads while the level was not valid
    this.setup = Infinity; // the smallest time from valid data to a read, ns
    this.held = Infinity; // the smallest time from a read to the end of valid data, ns
    this.reads = [];
    this.noise = 1;
  }

  /** The clock's pin has changed, at `ns`; values: of all pins. */
  edge(values, ns) {
    const high = (values >>> this.clock) & 1;
    if (high === (this.right ? 1 : 0)) {
      this.bits = [this.bits[1], this.microphone.bit()];
      this.begins = [this.begins[1], ns];
      this.ends = [this.ends[1], Infinity];
    } else {
      this.ends = [this.ends[0], ns];
      for (const read of this.reads) {
        const left = ns + this.hold - read;
        this.held = Math.min(this.held, left);
        if (left < 0) this.wrong++; // the data had gone before the edge
      }
      this.reads = [];
    }
  }

  /** The level at `ns`, not before the last but one edge. */
  level(ns) {
    for (const k of [1, 0]) {
      if (ns >= this.begins[k] + this.valid && ns <= this.ends[k] + this.hold) {
        this.setup = Math.min(this.setup, ns - this.begins[k] - this.valid);
        if (this.ends[k] === Infinity) this.reads.push(ns);
        else this.held = Math.min(this.held, this.ends[k] + this.hold - ns);
        return this.bits[k];
      }
    }
    if (this.begins[0] > -Infinity) this.wrong++;
    this.noise = (Math.imul(this.noise, 1664525) + 1013904223) | 0;
    return this.noise >>> 31;
  }
}
