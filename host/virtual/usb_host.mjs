// The computer's end of the USB cable: enumerates, opens the CDC port, reads an isochronous
// microphone. Requests and descriptors as in the USB 2.0 specification, chapter 9, and CDC 1.2.
const STALL = 1 << 11, AVAILABLE = 1 << 10, FULL = 1 << 15, LENGTH = 0x3ff;
const SOF_INTERRUPT = 1 << 17, SOF_RD = 0x48;
const FRAME_NS = 1e6, STATUS_NS = 50e3;
const ISOCHRONOUS = 1, BULK = 2;

export class UsbHost {
  /** `onCdc(bytes)` and `onAudio(bytes)` get what the device sends; `onReady()` once it is open. */
  constructor(mcu, { onCdc, onAudio, onReady, log }) {
    Object.assign(this, { mcu, onCdc, onAudio, onReady, log });
    this.usb = mcu.usbCtrl;
    this.clock = mcu.clock;
    this.queue = [];
    this.current = null;
    this.toDevice = [];
    this.cdcOutSize = 0; // a bulk OUT buffer of the device that waits for data
    this.isochronous = new Map(); // endpoint -> offset of its buffer control
    this.frame = 0;
    this.enumerated = false;
    this.dtr = true;
    this.device = {};
    this.#attach();
  }

  #attach() {
    const { usb, clock } = this;
    usb.writeDelayMicroseconds = 50; // a full-speed bulk packet of 64 bytes
    this.doneAlarm = clock.createAlarm(() => this.#finish("ok"));
    this.stallAlarm = clock.createAlarm(() => { this.stalling = false; this.#finish("stall"); });
    this.frameAlarm = clock.createAlarm(() => this.#startOfFrame());
    usb.onUSBEnabled = () => usb.resetDevice();
    usb.onResetReceived = () => { if (!this.enumerated) { this.enumerated = true; this.#enumerate(); } };
    usb.onEndpointWrite = (endpoint, data) => this.#received(endpoint, data);
    usb.onEndpointRead = (endpoint, size) => this.#wanted(endpoint, size);
    const updated = usb.DPRAMUpdated.bind(usb), read = usb.readUint32.bind(usb);
    usb.DPRAMUpdated = (offset, value) => { if (!this.#intercept(offset, value)) updated(offset, value); };
    usb.readUint32 = (offset) => {
      if (offset === SOF_RD) { usb.intRaw &= ~SOF_INTERRUPT; usb.checkInterrupts(); }
      return read(offset);
    };
  }

  /** What rp2040js would get wrong: stalls of endpoint 0, isochronous buffers. */
  #intercept(offset, value) {
    if (offset < 0x80 || offset >= 0x100) return false;
    const endpoint = (offset - 0x80) >> 3, out = !!(offset & 4);
    if (endpoint === 0) {
      if (value & STALL && this.current) {
        if (!this.stalling) { this.stalling = true; this.stallAlarm.schedule(STATUS_NS); }
        return true;
      }
      return false;
    }
    if (!out && value & AVAILABLE && ((this.usb.readEndpointControlReg(endpoint, false) >>> 26) & 3) === ISOCHRONOUS) {
      this.isochronous.set(endpoint, offset); // taken at the next frame
      return true;
    }
    return false;
  }

  #startOfFrame() {
    const { usb, mcu } = this;
    this.frame++;
    this.frameAlarm.schedule(FRAME_NS);
    usb.sofFrameNumber = this.frame & 0x7ff;
    usb.intRaw |= SOF_INTERRUPT;
    usb.checkInterrupts();
    for (const [endpoint, offset] of [...this.isochronous]) {
      this.isochronous.delete(endpoint);
      const control = mcu.usbDPRAMView.getUint32(offset, true);
      const start = usb.getEndpointBufferOffset(endpoint, false);
      const data = mcu.usbDPRAM.slice(start, start + (control & LENGTH));
      mcu.usbDPRAMView.setUint32(offset, (control & ~(AVAILABLE | FULL)) >>> 0, true);
      usb.indicateBufferReady(endpoint, false);
      this.onAudio(data);
    }
  }

  // --- control transfers ---

  /** A control transfer; resolves to {status: "ok" | "stall", data}. */
  control(type, request, value, index, length, data) {
    return new Promise((resolve) => {
      this.queue.push({ type, request, value, index, length, data, resolve, received: [] });
      if (!this.current) this.#next();
    });
  }

  #next() {
    const c = (this.current = this.queue.shift() ?? null);
    if (!c) return;
    c.stage = c.type & 0x80 ? "in" : c.length ? "out" : "status-in";
    this.usb.sendSetupPacket(Uint8Array.of(c.type, c.request, c.value & 255, c.value >> 8, c.index & 255, c.index >> 8, c.length & 255, c.length >> 8));
  }

  #finish(status) {
    const done = this.current;
    this.current = null;
    done?.resolve({ status, data: Uint8Array.from(done.received) });
    if (!this.current) this.#next();
  }

  #received(endpoint, data) {
    if (endpoint === this.device.cdcIn) { this.onCdc(data); return; }
    if (endpoint !== 0 || !this.current) return;
    const c = this.current;
    if (c.stage === "in") {
      c.received.push(...data);
      if (c.received.length >= c.length || data.length < 64) {
        c.stage = "status-out";
        if (this.statusReady) { this.statusReady = false; this.usb.endpointReadDone(0, new Uint8Array(0)); this.doneAlarm.schedule(STATUS_NS); }
      }
    } else if (c.stage === "status-in" && data.length === 0) this.#finish("ok");
  }

  #wanted(endpoint, size) {
    if (endpoint === this.device.cdcOut) { this.cdcOutSize = size; this.#pump(); return; }
    if (endpoint !== 0 || !this.current) return;
    const c = this.current;
    if (c.stage === "out") { this.usb.endpointReadDone(0, Uint8Array.from(c.data)); c.stage = "status-in"; }
    else if (c.stage === "status-out") { this.usb.endpointReadDone(0, new Uint8Array(0)); this.doneAlarm.schedule(STATUS_NS); }
    else this.statusReady = true;
  }

  // --- enumeration ---

  async #enumerate() {
    this.frameAlarm.schedule(FRAME_NS);
    const descriptor = async (type, index, length, language = 0) => (await this.control(0x80, 6, (type << 8) | index, language, length)).data;
    const device = await descriptor(1, 0, 18);
    await this.control(0, 5, 1, 0, 0); // address
    const head = await descriptor(2, 0, 9);
    const configuration = await descriptor(2, 0, head[2] | (head[3] << 8));
    const text = async (index) => (index ? Buffer.from((await descriptor(3, index, 255, 0x409)).slice(2)).toString("utf16le") : "");
    this.device = this.#parse(configuration);
    this.device.vendor = device[8] | (device[9] << 8);
    this.device.product = device[10] | (device[11] << 8);
    this.device.strings = [await text(device[14]), await text(device[15]), await text(device[16])];
    await this.control(0, 9, configuration[5], 0, 0);
    if (this.device.cdcIn !== undefined) {
      await this.control(0x21, 0x20, 0, this.device.cdcInterface, 7, [0x00, 0xc2, 0x01, 0, 0, 0, 8]); // 115200 8N1
      await this.setDtr(this.dtr);
    }
    if (this.device.audioInterface !== undefined) await this.control(1, 11, 1, this.device.audioInterface, 0);
    this.onReady(this.device);
  }

  #parse(bytes) {
    const found = {};
    let inside = null;
    for (let at = 0; at + 1 < bytes.length && bytes[at] >= 2; at += bytes[at]) {
      const type = bytes[at + 1];
      if (type === 4) {
        inside = { number: bytes[at + 2], alternate: bytes[at + 3], class: bytes[at + 5], subclass: bytes[at + 6] };
        if (inside.class === 2) found.cdcInterface = inside.number;
        if (inside.class === 1 && inside.subclass === 2 && inside.alternate === 1) found.audioInterface = inside.number;
      } else if (type === 5) {
        const address = bytes[at + 2], kind = bytes[at + 3] & 3;
        if (kind === BULK && inside?.class === 10) found[address & 0x80 ? "cdcIn" : "cdcOut"] = address & 15;
      }
    }
    return found;
  }

  /** Open (true) or close the CDC port, as a terminal program does. */
  setDtr(on) {
    this.dtr = on;
    return this.device.cdcInterface === undefined ? null : this.control(0x21, 0x22, on ? 3 : 0, this.device.cdcInterface, 0);
  }

  // --- bulk OUT ---

  /** Bytes for the CDC port; they go as fast as the device takes them. */
  send(data) {
    this.toDevice.push(Uint8Array.from(data));
    this.#pump();
  }

  #pump() {
    if (!this.cdcOutSize || !this.toDevice.length) return;
    const first = this.toDevice[0], data = first.subarray(0, this.cdcOutSize);
    if (data.length === first.length) this.toDevice.shift();
    else this.toDevice[0] = first.subarray(data.length);
    this.cdcOutSize = 0;
    this.usb.endpointReadDone(this.device.cdcOut, data);
  }
}
