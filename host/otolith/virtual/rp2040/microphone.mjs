// A PDM microphone: 16 kHz PCM -> 1.024 MHz -> one bit a clock edge.
//
// Interpolation: windowed sinc (Kaiser, 90 dB), flat to 7 kHz. Modulator: fourth-order error feedback.
// The zeros of its noise transfer function are spread over 8 kHz, and its largest gain is 1.4. A 1 kHz
// tone at -6 dBFS has an SNR of more than 95 dB. Above LIMIT a real modulator overloads; this one
// clips softly.
const OVERSAMPLING = 64, TAPS = 48, BETA = 9.0;
const ZEROS = [-3.9979349269732207, 5.995870351520387, -3.997934926973221, 1.0];
const POLES = [-3.3289337832003385, 4.202908388745493, -2.3803861964139377, 0.5096024595424209];
const LIMIT = 0.66;
const PHASES_A_NS = OVERSAMPLING * 16e3 / 1e9, EPSILON = 1e-6;

function bessel0(x) {
  let sum = 1, term = 1;
  for (let k = 1; k < 40; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/** The interpolator's taps, at [tap * OVERSAMPLING + phase]. The taps of each phase sum to 1. */
function interpolator() {
  const length = OVERSAMPLING * TAPS, table = new Float64Array(length);
  for (let phase = 0; phase < OVERSAMPLING; phase++) {
    const taps = new Float64Array(TAPS);
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const at = (tap * OVERSAMPLING + phase - (length - 1) / 2) / OVERSAMPLING;
      const window = bessel0(BETA * Math.sqrt(Math.max(0, 1 - ((2 * at) / TAPS) ** 2))) / bessel0(BETA);
      taps[tap] = (at === 0 ? 1 : Math.sin(Math.PI * at) / (Math.PI * at)) * window;
      sum += taps[tap];
    }
    for (let tap = 0; tap < TAPS; tap++) table[tap * OVERSAMPLING + phase] = taps[tap] / sum;
  }
  return table;
}

const TABLE = interpolator();

function limit(x) {
  const size = Math.abs(x);
  if (size <= LIMIT) return x;
  return Math.sign(x) * (LIMIT + (1 - Math.exp(-(size - LIMIT) / 0.06)) * 0.06);
}

export class Microphone {
  /** keep: collect the bits in `kept`, eight a byte, the oldest first. */
  constructor(keep = false) {
    this.kept = keep ? [] : null;
    this.pcm = new Int16Array(0);
    this.position = 0; // next sample of pcm
    this.history = new Float64Array(2 * TAPS); // newest first from `head`, written twice
    this.head = 0;
    this.values = new Float64Array(OVERSAMPLING); // of the sample, interpolated
    this.bits = new Uint8Array(OVERSAMPLING);
    this.at = OVERSAMPLING; // next of bits
    this.e = new Float64Array(4);
    this.w = new Float64Array(4);
    this.seed = 1;
    this.phase = 0; // of analog(), in parts of a sample
    this.bitsMade = 0;
  }

  /** Hear `pcm` (Int16Array, 16 kHz) from now on, then silence. */
  play(pcm) {
    this.pcm = pcm;
    this.position = 0;
  }

  /** The next bit, 0 or 1. */
  bit() {
    if (this.at === OVERSAMPLING) this.#sample();
    return this.bits[this.at++];
  }

  /** The next sample at 16 kHz, int16, for a microphone that sends PCM. */
  next() {
    return this.position < this.pcm.length ? this.pcm[this.position++] : 0;
  }

  /** The sound's value `step` ns later, -1 to 1. */
  analog(step) {
    this.phase += step * PHASES_A_NS;
    while (this.phase >= OVERSAMPLING - EPSILON) {
      this.phase -= OVERSAMPLING;
      this.#shift(this.next() / 32768);
      this.#interpolate();
    }
    return this.values[Math.max(0, Math.floor(this.phase + EPSILON))];
  }

  #sample() {
    this.#shift(limit(this.next() / 32768));
    this.#interpolate();
    this.#modulate();
    this.at = 0;
    this.bitsMade += OVERSAMPLING;
    if (this.kept) this.#keep(this.bits);
  }

  #shift(x) {
    this.head = this.head === 0 ? TAPS - 1 : this.head - 1;
    this.history[this.head] = this.history[this.head + TAPS] = x;
  }

  /** Computes four phases at a time, because their sums are independent. */
  #interpolate() {
    const { history, head, values } = this;
    for (let phase = 0; phase < OVERSAMPLING; phase += 4) {
      let v0 = 0, v1 = 0, v2 = 0, v3 = 0;
      for (let tap = 0, at = phase; tap < TAPS; tap++, at += OVERSAMPLING) {
        const x = history[head + tap];
        v0 += TABLE[at] * x;
        v1 += TABLE[at + 1] * x;
        v2 += TABLE[at + 2] * x;
        v3 += TABLE[at + 3] * x;
      }
      values[phase] = v0;
      values[phase + 1] = v1;
      values[phase + 2] = v2;
      values[phase + 3] = v3;
    }
  }

  #modulate() {
    const { values, bits } = this;
    let [e0, e1, e2, e3] = this.e, [w0, w1, w2, w3] = this.w;
    const c0 = ZEROS[0] - POLES[0], c1 = ZEROS[1] - POLES[1], c2 = ZEROS[2] - POLES[2], c3 = ZEROS[3] - POLES[3];
    let seed = this.seed;
    for (let phase = 0; phase < OVERSAMPLING; phase++) {
      // dither of about -100 dBFS prevents idle tones
      seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
      const value = values[phase] + seed * 2e-14;
      const shaped = c0 * e0 + c1 * e1 + c2 * e2 + c3 * e3 - POLES[0] * w0 - POLES[1] * w1 - POLES[2] * w2 - POLES[3] * w3;
      const sum = value + shaped;
      const out = sum >= 0 ? 1 : -1;
      const error = Math.max(-2, Math.min(2, out - sum));
      e3 = e2; e2 = e1; e1 = e0; e0 = error;
      w3 = w2; w2 = w1; w1 = w0; w0 = shaped;
      bits[phase] = out > 0 ? 1 : 0;
    }
    this.seed = seed;
    this.e.set([e0, e1, e2, e3]);
    this.w.set([w0, w1, w2, w3]);
  }

  #keep(bits) {
    for (let at = 0; at < OVERSAMPLING; at += 8) {
      let byte = 0;
      for (let bit = 0; bit < 8; bit++) byte = (byte << 1) | bits[at + bit];
      this.kept.push(byte);
    }
  }
}
