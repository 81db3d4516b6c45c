// The computer at the USB cable. It enumerates the device, opens the CDC port, reads an isochronous
// microphone, and suspends, resumes and resets the bus. USB 2.0 specification, 5, 7.1.7 and 9.
import { ControlPipe } from "./usb_control.mjs";
import { parseConfiguration } from "./usb_descriptors.mjs";

const AVAILABLE = 1 << 10, FULL = 1 << 15, LENGTH = 0x3ff;
const SOF_INTERRUPT = 1 << 17, SOF_RD = 0x48, SIE_STATUS = 0x50;
const SUSPENDED = 1 << 4, RESUME = 1 << 11;
const RESET_NS = 20e6, ADDRESS_NS = 10e6; // as Windows waits
const FRAME_NS = 1e6, IDLE_NS = 3e6, RESUME_NS = 20e6, PACKET_US = 50;
const ISOCHRONOUS = 1;
const STANDARD_INTERFACE = 1, SET_INTERFACE = 11;

export class UsbHost {
  /** `onCdc(bytes)` and `onAudio(bytes, frame)` get what the device sends. `onReady(device)` is called
   * once it is open. ppm: how much too fast the frame clock is. open: whether to open what it offers.
   * order: requests to make first, [type, request, value, index, length] or "reset"; length -1: all. */
  constructor(mcu, { onCdc, onAudio, onReady, ppm = 0, open = true, order = null }) {
    Object.assign(this, { mcu, onCdc, onAudio, onReady, open, order });
    this.answers = []; // of the requests in `order`: [status, data]
    this.usb = mcu.usbCtrl;
    this.clock = mcu.clock;
    this.frameNs = FRAME_NS / (1 + ppm * 1e-6);
    this.pipe = new ControlPipe(mcu);
    this.pipe.onDone = (transfer) => this.#noticed(transfer);
    this.toDevice = [];
    this.frame = 0;
    this.missed = 0; // frames of the stream without a packet of the device
    this.enumerated = false;
    this.suspended = false;
    this.dtr = true;
    this.#forget();
    this.#attach();
  }

  /** Forget what a reset of the bus ends. */
  #forget() {
    this.pipe.reset();
    this.device = {};
    this.setting = 0; // of the microphone's streaming interface
    this.started = false; // a packet with data has come
    this.cdcOutSize = 0; // size of the device's bulk OUT buffer that waits for data
    this.held = new Map(); // bulk buffers that the device filled while the bus was suspended
  }

  #attach() {
    const { usb, clock } = this;
    usb.writeDelayMicroseconds = PACKET_US; // a full-speed bulk packet of 64 bytes
    this.frameAlarm = clock.createAlarm(() => this.#startOfFrame());
    this.busAlarm = clock.createAlarm(() => this.busDue());
    usb.onUSBEnabled = () => usb.resetDevice();
    usb.onResetReceived = () => { if (!this.enumerated) { this.enumerated = true; this.#enumerate(); } };
    usb.onEndpointWrite = (endpoint, data) => { if (endpoint === this.device.cdcIn) this.onCdc(data); };
    usb.onEndpointRead = (endpoint, size) => { if (endpoint === this.device.cdcOut) { this.cdcOutSize = size; this.#pump(); } };
    const updated = usb.DPRAMUpdated.bind(usb), read = usb.readUint32.bind(usb), write = usb.writeUint32.bind(usb);
    this.updated = updated;
    usb.DPRAMUpdated = (offset, value) => { if (!this.#ours(offset, value)) updated(offset, value); };
    usb.readUint32 = (offset) => {
      if (offset === SOF_RD) { usb.intRaw &= ~SOF_INTERRUPT; usb.checkInterrupts(); }
      return read(offset);
    };
    usb.writeUint32 = (offset, value) => {
      if (offset === SIE_STATUS && usb.rawWriteValue & SUSPENDED) usb.sieStatus &= ~SUSPENDED; // rp2040js forgets it
      write(offset, value);
    };
  }

  /** Whether a buffer waits for the host's token. rp2040js would take it at once. */
  #ours(offset, value) {
    if (offset < 0x80 || offset >= 0x100 || !(value & AVAILABLE)) return false;
    const endpoint = (offset - 0x80) >> 3, out = !!(offset & 4);
    if (endpoint === 0) return true; // ControlPipe
    if (out) return false;
    if (((this.usb.readEndpointControlReg(endpoint, false) >>> 26) & 3) === ISOCHRONOUS) return true; // next frame
    if (this.suspended) { this.held.set(offset, value); return true; }
    return false;
  }

  // --- frames ---

  #startFrames() {
    this.frameDue = this.clock.nanos + this.frameNs;
    this.frameAlarm.schedule(this.frameNs);
  }

  #startOfFrame() {
    const { usb } = this;
    this.frame++;
    this.frameDue += this.frameNs;
    this.frameAlarm.schedule(this.frameDue - this.clock.nanos);
    usb.sofFrameNumber = this.frame & 0x7ff;
    usb.intRaw |= SOF_INTERRUPT;
    usb.checkInterrupts();
    if (this.setting) this.#readMicrophone(this.device.audioIn);
  }

  #readMicrophone(endpoint) {
    const { mcu, usb } = this, offset = 0x80 + 8 * endpoint;
    const control = mcu.usbDPRAMView.getUint32(offset, true);
    if (!(control & AVAILABLE)) { if (this.started) this.missed++; return; }
    const start = usb.getEndpointBufferOffset(endpoint, false);
    const data = mcu.usbDPRAM.slice(start, start + (control & LENGTH));
    mcu.usbDPRAMView.setUint32(offset, (control & ~(AVAILABLE | FULL)) >>> 0, true);
    usb.indicateBufferReady(endpoint, false);
    this.started ||= data.length > 0;
    this.onAudio(data, this.frame);
  }

  // --- the bus ---

  /** Stop the frames; the device notices after 3 ms. */
  suspend() {
    if (this.suspended) return;
    this.suspended = this.pipe.paused = true;
    this.frameAlarm.cancel();
    this.#bus(IDLE_NS, () => { this.usb.sieStatus |= SUSPENDED; this.usb.sieStatusUpdated(); });
  }

  /** Signal resume for 20 ms, then start the frames again. */
  resume() {
    if (!this.suspended) return;
    this.usb.sieStatus = (this.usb.sieStatus & ~SUSPENDED) | RESUME;
    this.usb.sieStatusUpdated();
    this.#bus(RESUME_NS, () => {
      this.suspended = this.pipe.paused = false;
      this.#startFrames();
      for (const [offset, value] of this.held) this.updated(offset, value);
      this.held.clear();
      this.#pump();
    });
  }

  /** Reset the bus and enumerate the device again. */
  reset() {
    this.frameAlarm.cancel();
    this.busAlarm.cancel();
    this.suspended = this.pipe.paused = false;
    this.enumerated = false;
    this.#forget();
    this.usb.resetDevice();
  }

  #bus(nanos, due) {
    this.busDue = due;
    this.busAlarm.schedule(nanos);
  }

  // --- enumeration ---

  /** Make a control transfer, as ControlPipe.transfer does. */
  control(transfer) { return this.pipe.transfer(transfer); }

  /** Make the requests of `order`, as another system's drivers do. */
  async #inOrder() {
    let configuration = [];
    for (const [at, step] of this.order.entries()) {
      if (step === "reset") {
        if (at > 0) { this.pipe.reset(); this.usb.resetDevice(); } // the first one brought us here
        await this.#pause(RESET_NS);
        continue;
      }
      const [type, request, value, index, asked] = step;
      const length = asked >= 0 ? asked : configuration[2] | (configuration[3] << 8);
      const { status, data } = await this.control({ type, request, value, index, length });
      if (type === 0x80 && request === 6 && value === 0x200) configuration = data;
      this.answers.push([status, [...data]]);
      if (request === 5) await this.#pause(ADDRESS_NS);
    }
  }

  #pause(nanos) { return new Promise((done) => this.#bus(nanos, done)); }

  async #enumerate() {
    this.#startFrames();
    if (this.order) await this.#inOrder();
    const ask = (type, request, value, index, length, data) => this.control({ type, request, value, index, length, data });
    const descriptor = async (type, index, length, language = 0) => (await ask(0x80, 6, (type << 8) | index, language, length)).data;
    const device = await descriptor(1, 0, 18);
    await ask(0, 5, 1, 0, 0); // address
    const head = await descriptor(2, 0, 9);
    const configuration = await descriptor(2, 0, head[2] | (head[3] << 8));
    const text = async (index) => (index ? Buffer.from((await descriptor(3, index, 255, 0x409)).slice(2)).toString("utf16le") : "");
    const found = parseConfiguration(configuration);
    found.vendor = device[8] | (device[9] << 8);
    found.product = device[10] | (device[11] << 8);
    found.strings = [await text(device[14]), await text(device[15]), await text(device[16])];
    this.device = found;
    await ask(0, 9, configuration[5], 0, 0);
    if (found.cdcIn !== undefined) {
      await ask(0x21, 0x20, 0, found.cdcInterface, 7, [0x00, 0xc2, 0x01, 0, 0, 0, 8]); // 115200 8N1
      await this.setDtr(this.dtr);
    }
    if (this.open && found.audioIn !== undefined) await ask(STANDARD_INTERFACE, SET_INTERFACE, 1, found.audioInterface, 0);
    this.onReady(found);
  }

  /** Note a change of the streaming interface's setting: setting 1 has an endpoint to read. */
  #noticed({ type, request, value, index }) {
    if (type !== STANDARD_INTERFACE || request !== SET_INTERFACE || index !== this.device.audioInterface) return;
    this.setting = value;
    this.started = false;
  }

  /** Open (true) or close the CDC port, as a terminal program does. */
  setDtr(on) {
    this.dtr = on;
    if (this.device.cdcInterface === undefined) return null;
    return this.control({ type: 0x21, request: 0x22, value: on ? 3 : 0, index: this.device.cdcInterface, length: 0 });
  }

  // --- bulk OUT ---

  /** Send bytes to the CDC port, as fast as the device takes them. */
  send(data) {
    this.toDevice.push(Uint8Array.from(data));
    this.#pump();
  }

  #pump() {
    if (!this.cdcOutSize || !this.toDevice.length || this.suspended) return;
    const first = this.toDevice[0], data = first.subarray(0, this.cdcOutSize);
    if (data.length === first.length) this.toDevice.shift();
    else this.toDevice[0] = first.subarray(data.length);
    this.cdcOutSize = 0;
    this.usb.endpointReadDone(this.device.cdcOut, data);
  }
}
