// A Raspberry Pi Pico in emulated time. CPU and peripherals are rp2040js'. This module adds a clock for
// the PIO, a PDM microphone on its pins, a trace of the LED, the watchdog's reset and a USB host.
import { AdcMicrophone } from "./adc_microphone.mjs";
import { Flash } from "./flash.mjs";
import { giveFlashId } from "./flash_id.mjs";
import { I2sMicrophone } from "./i2s_microphone.mjs";
import { Microphone } from "./microphone.mjs";
import { PdmTiming } from "./pdm_timing.mjs";
import { Pio } from "./pio.mjs";
import { BulkReader } from "./ssi.mjs";
import { UsbHost } from "./usb_host.mjs";

const HARD_FAULT = 3;
const A_INVERTED = 1 << 2, B_INVERTED = 1 << 3; // in a PWM slice's CSR
const BOOT_TO = 0xb007c0d3; // in scratch 4: the boot ROM jumps to scratch 7 with the stack of scratch 6
const WATCHDOG = 0x40058, FLASH_INTERFACE = 0x18000;
// Addresses that the chip answers (RP2040 datasheet, 2.2). Any other access is a bus fault.
const REGIONS = [
  [0x00000000, 0x00004000], [0x10000000, 0x16000000], [0x18000000, 0x18001000], [0x20000000, 0x20042000],
  [0x21000000, 0x21040000], [0x40000000, 0x40070000], [0x50000000, 0x50400000], [0xd0000000, 0xd0001000],
  [0xe0000000, 0xe0100000],
];

/** Whether a chip faults where rp2040js warns. rp2040js warns too often: it knows fewer registers. */
function faulty(text) {
  if (/Instruction .* not implemented/.test(text)) return true;
  const address = /(?:invalid memory|undefined) address: ([0-9a-f]+)/.exec(text);
  return address !== null && !REGIONS.some(([low, high]) => low <= parseInt(address[1], 16) && parseInt(address[1], 16) < high);
}

export class Machine {
  /** library: the rp2040js module. pins: {data, clock, led}. events: an array that gets what happens.
   * usb: {ppm, open}, as UsbHost takes them. flashId: 8 bytes. keepBits: keep the microphone's bits.
   * wiring: {kind: "pdm" | "i2s" | "adc", right, early, timing: {valid, hold}} of the microphone.
   * idealFlash: flash answers at once. */
  constructor(library, { bootrom, flash, pins, events, usb = {}, flashId = [], keepBits = false, wiring = {}, idealFlash = false }) {
    Object.assign(this, { library, bootrom, flash, pins, events, flashId, idealFlash });
    this.usbOptions = usb;
    this.wiring = wiring;
    this.microphone = new Microphone(keepBits);
    this.cycles = 0;
    this.idle = 0;
    this.instructions = 0;
    this.flashWaited = 0; // cycles that the CPU waited for flash, before the last reset
    this.dtr = true;
    this.cdc = []; // chunks since the last drain
    this.audio = [];
    this.packets = []; // [frame, bytes] of each isochronous packet
    this.uart = "";
    this.ledLevel = null;
    this.inBootsel = false;
    this.#powerUp(0, null);
  }

  get nanos() { return this.mcu.clock.nanos; }

  #event(kind, extra = {}) { this.events.push({ kind, t_ms: this.nanos / 1e6, ...extra }); }

  /** Start a chip at time `nanos`. After a reset, `kept` has RAM and the watchdog's scratch registers. */
  #powerUp(nanos, kept) {
    const { RP2040, SimulationClock } = this.library;
    const clock = new SimulationClock();
    clock.nanosCounter = nanos;
    const mcu = (this.mcu = new RP2040(clock));
    this.flashWaited += this.xip?.waited ?? 0;
    this.fault = false;
    mcu.logger = {
      debug() {}, info() {},
      warn: (_, text) => { if (faulty(text)) { this.fault = true; this.faultText = text; } },
      error: (_, text) => { if (/not 32 bit aligned/.test(text)) { this.fault = true; this.faultText = text; } },
    };
    mcu.loadBootrom(this.bootrom);
    for (const { offset, data } of this.flash) mcu.flash.set(data, offset);
    mcu.core.PC = 0x10000000;
    if (kept) {
      mcu.sram.set(kept.sram);
      mcu.peripherals[WATCHDOG].scratchData.set(kept.scratch);
      mcu.peripherals[WATCHDOG].reason = kept.reason;
    }
    this.resetDue = false;
    // Without this, rp2040js schedules an expired watchdog at the same time again, for ever.
    mcu.peripherals[WATCHDOG].onWatchdogTrigger = () => { this.resetDue = true; mcu.peripherals[WATCHDOG].alarm.enable = false; };
    mcu.onBreak = () => { this.fault = true; };
    mcu.uart[0].onByte = (byte) => {
      if (byte !== 10) { if (byte !== 13) this.uart += String.fromCharCode(byte); return; }
      this.#event("uart", { text: this.uart });
      this.uart = "";
    };
    if (this.flashId.length) giveFlashId(mcu.peripherals[FLASH_INTERFACE], this.flashId);
    const bulk = new BulkReader(mcu, mcu.peripherals[FLASH_INTERFACE], this.idealFlash);
    this.xip = this.idealFlash ? { stall: 0, waited: 0 } : new Flash(mcu, bulk);
    this.device = this.#wire(mcu);
    this.pio = new Pio(mcu, this.pins, this.microphone, () => this.cycles, this.device);
    this.#watchLed(mcu);
    this.usb = new UsbHost(mcu, {
      ...this.usbOptions,
      onCdc: (data) => this.cdc.push(Buffer.from(data)),
      onAudio: (data, frame) => { this.audio.push(Buffer.from(data)); this.packets.push([frame, data.length]); },
      onReady: (device) => { this.#event("usb", { device }); this.ready = true; },
    });
    this.usb.dtr = this.dtr;
    this.ready = false;
  }

  /** Connect the microphone. Returns what is on the PIO's pins, or null for an ideal PDM microphone. */
  #wire(mcu) {
    const { kind, right, early, timing } = this.wiring, sound = this.microphone, pins = this.pins;
    if (kind === "adc") { this.adc = new AdcMicrophone(mcu, pins.adc, sound); return null; }
    if (kind === "i2s") return new I2sMicrophone({ pins, right, early, sound });
    return timing || right ? new PdmTiming({ microphone: sound, clock: pins.clock, right, ...timing }) : null;
  }

  /** Trace the LED's brightness, the duty cycle of its PWM slice, at each write of the firmware. */
  #watchLed(mcu) {
    const pin = this.pins.led, channel = mcu.pwm.channels[(pin >> 1) & 7];
    const write = channel.writeRegister.bind(channel);
    // Nobody needs the wave itself, and its alarms would cost time.
    channel.updateEnable = () => {};
    channel.writeRegister = (offset, value) => {
      write(offset, value);
      if (offset !== 0x0c && offset !== 0x10) return;
      const cc = (channel.cc >>> (pin & 1 ? 16 : 0)) & 0xffff;
      const duty = Math.min(1, cc / (channel.top + 1));
      const level = channel.csr & (pin & 1 ? B_INVERTED : A_INVERTED) ? 1 - duty : duty; // of the pin
      if (level !== this.ledLevel) { this.ledLevel = level; this.#event("led", { level }); }
    };
  }

  #reset() {
    const watchdog = this.mcu.peripherals[WATCHDOG];
    const scratch = Uint32Array.from(watchdog.scratchData);
    const reason = watchdog.reason;
    if (scratch[4] === BOOT_TO && (scratch[7] >>> 0) < 0x4000) { // USB boot loader
      this.inBootsel = true;
      this.#event("bootsel");
      return;
    }
    this.#event("reset", { reason: reason === 1 ? "watchdog" : "software" });
    this.#powerUp(this.nanos, { sram: this.mcu.sram, scratch, reason });
  }

  /** Remove the power and restore it; only the flash keeps its content. */
  replug() {
    this.#event("power");
    this.inBootsel = false;
    this.#powerUp(this.nanos, null);
  }

  /** Suspend, resume or reset the USB bus. */
  bus(what) {
    if (what === "reset") this.ready = false;
    this.usb[what]();
  }

  /** Run until emulated time `until` (ns). */
  run(until) {
    while (this.nanos < until && !this.inBootsel) {
      this.#runChip(until);
      if (this.resetDue) this.#reset();
    }
    if (this.inBootsel && this.nanos < until) this.mcu.clock.nanosCounter = until;
  }

  #runChip(until) {
    const { mcu, pio, xip } = this, { core, clock } = mcu;
    let { cycles, idle, instructions } = this;
    let nsPerCycle = 1e9 / mcu.clkSys;
    while (clock.nanosCounter < until && !this.resetDue) {
      let step;
      // In rp2040js, interrupts end a WFI, but SysTick does not.
      if (core.waiting && core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
      if (core.waiting) {
        const alarm = clock.nextAlarm;
        const rest = (alarm === null ? until : Math.min(alarm.nanos, until)) - clock.nanosCounter;
        step = Math.max(1, Math.ceil(rest / nsPerCycle));
        if (pio.due - cycles < step) step = Math.max(1, Math.ceil(pio.due - cycles));
        idle += step;
      } else {
        step = core.executeInstruction();
        instructions++;
        if (xip.stall !== 0) { step += xip.stall; xip.stall = 0; }
        // A pending interrupt ends a WFI even while interrupts are off.
        if (core.waiting) core.interruptsUpdated = true;
        if (this.fault) { this.fault = false; this.#event("fault", { text: this.faultText ?? "breakpoint", pc: core.PC }); core.exceptionEntry(HARD_FAULT); }
      }
      this.cycles = cycles += step;
      if (cycles >= pio.due) pio.step(cycles);
      const now = clock.nanosCounter + step * nsPerCycle, alarm = clock.nextAlarm;
      if (alarm === null || now < alarm.nanos) clock.nanosCounter = now;
      else { clock.tick(step * nsPerCycle); nsPerCycle = 1e9 / mcu.clkSys; }
    }
    pio.step(cycles);
    Object.assign(this, { cycles, idle, instructions });
  }
}
