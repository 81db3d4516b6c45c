// Control transfers as a computer makes them: it sends tokens to endpoint 0 until the device has
// answered, has stalled, or has been silent for too long. USB 2.0 specification, 8.5.3 and 9.3.
const STALL = 1 << 11, AVAILABLE = 1 << 10, FULL = 1 << 15, LENGTH = 0x3ff;
const IN = 0x80, OUT = 0x84, BUFFER = 0x100; // of endpoint 0, in the USB controller's RAM
const SETUP_RECEIVED = 1 << 17, ARM_IN = 1, ARM_OUT = 2;
const TOKEN_NS = 50e3, PATIENCE_NS = 20e6, PACKET = 64;

export class ControlPipe {
  constructor(mcu) {
    this.usb = mcu.usbCtrl;
    this.memory = mcu.usbDPRAM;
    this.registers = mcu.usbDPRAMView;
    this.clock = mcu.clock;
    this.queue = [];
    this.current = null;
    this.paused = false;
    this.alarm = mcu.clock.createAlarm(() => this.#token());
    this.onDone = () => {};
  }

  /**
   * Queue a transfer. Resolves to {status: "ok" | "stall" | "timeout" | "abandoned", data}.
   * `data` may be shorter or longer than `length` says. `abandon`: number of data packets after
   * which the host gives up.
   */
  transfer({ type, request, value, index, length, data = [], abandon = null }) {
    return new Promise((resolve) => {
      if (this.paused) { resolve({ status: "timeout", data: [] }); return; } // the bus is suspended: no tokens
      this.queue.push({ type, request, value, index, length, data, abandon, resolve, received: [], sent: 0, packets: 0 });
      if (!this.current) this.#next();
    });
  }

  /** End all transfers, because the bus was reset. */
  reset() {
    this.alarm.cancel();
    const open = [this.current, ...this.queue].filter((t) => t);
    this.current = null;
    this.queue = [];
    for (const t of open) t.resolve({ status: "timeout", data: new Uint8Array(0) });
  }

  #next() {
    const t = (this.current = this.queue.shift() ?? null);
    if (!t) return;
    t.stage = t.length === 0 ? "status-in" : t.type & 0x80 ? "data-in" : t.data.length ? "data-out" : "status-in";
    t.until = this.clock.nanos + PATIENCE_NS;
    this.usb.epStallArm &= ~(ARM_IN | ARM_OUT); // a stall ends with the next SETUP
    const word = (x) => [x & 255, (x >> 8) & 255];
    this.usb.sendSetupPacket(Uint8Array.of(t.type, t.request, ...word(t.value), ...word(t.index), ...word(t.length)));
    this.alarm.schedule(TOKEN_NS);
  }

  #finish(status) {
    const t = this.current;
    this.current = null;
    this.alarm.cancel();
    t.resolve({ status, data: Uint8Array.from(t.received) });
    if (status === "ok") this.onDone(t);
    if (!this.current) this.#next();
  }

  /** Send one token; ask again if the device is not ready. */
  #token() {
    const t = this.current;
    if (!t) return;
    if (t.abandon === 0) { this.#finish("abandoned"); return; }
    if (this.clock.nanos > t.until) { this.#finish("timeout"); return; }
    if (!this.paused && !(this.usb.sieStatus & SETUP_RECEIVED)) {
      const out = t.stage.endsWith("out");
      const control = this.registers.getUint32(out ? OUT : IN, true);
      if (control & STALL && this.usb.epStallArm & (out ? ARM_OUT : ARM_IN)) { this.#finish("stall"); return; }
      if (control & AVAILABLE) this[{ "data-in": "take", "data-out": "give", "status-in": "end", "status-out": "end" }[t.stage]](t, control);
    }
    if (this.current === t) this.alarm.schedule(TOKEN_NS);
  }

  #release(offset, control) {
    this.registers.setUint32(offset, control >>> 0, true);
    this.usb.indicateBufferReady(0, offset === OUT);
  }

  #count(t) {
    t.packets++;
    t.until = this.clock.nanos + PATIENCE_NS;
    return t.abandon !== null && t.packets >= t.abandon;
  }

  take(t, control) {
    const size = control & LENGTH;
    t.received.push(...this.memory.slice(BUFFER, BUFFER + size));
    this.#release(IN, control & ~(AVAILABLE | FULL));
    if (t.received.length >= t.length || size < PACKET) t.stage = "status-out";
    if (this.#count(t)) this.#finish("abandoned");
  }

  give(t, control) {
    const piece = Uint8Array.from(t.data.slice(t.sent, t.sent + Math.min(PACKET, control & LENGTH)));
    t.sent += piece.length;
    this.memory.set(piece, BUFFER);
    this.#release(OUT, (control & ~(AVAILABLE | LENGTH)) | FULL | piece.length);
    if (t.sent >= t.data.length || piece.length === 0) t.stage = "status-in";
    if (this.#count(t)) this.#finish("abandoned");
  }

  end(t, control) {
    if (t.stage === "status-in") this.#release(IN, control & ~(AVAILABLE | FULL));
    else this.#release(OUT, (control & ~(AVAILABLE | LENGTH)) | FULL);
    this.#finish("ok");
  }
}
