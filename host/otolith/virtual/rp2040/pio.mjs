// The PIO with the microphone on its pins, stepped with the CPU's cycles. (rp2040js runs it on a timer
// of the computer.)
//
// A state machine that clocks the microphone executes the same two instructions a million times a
// second, and the rest of the chip sees only full words. It is therefore stepped when a word is due or
// when a register is read. The result is the same as stepping it all the time.
const NOP = 0xa042, IN_PINS_1 = 0x4001, OPERATION = 0xe0ff, DELAY_SIDE = 0x1f00, SIDE_1 = 0x1000;
const SYNC = 2; // cycles from a pin to the input of a state machine (RP2040 datasheet 3.5.6.3)
const AUTOPUSH = 1 << 16, SHIFT_RIGHT = 1 << 18, SIDE_OPTIONAL = 1 << 30, SIDE_DIRECTIONS = 1 << 29;

export class Pio {
  /** pins: {data, clock} of the microphone; now(): the CPU's cycles so far. device: something else on
   * these pins: edge(values, ns) is called as the clock's pin changes, level(ns) as the data's is read.
   * Without it, it is a PDM microphone that needs no time. */
  constructor(mcu, pins, microphone, now, device = null) {
    this.mcu = mcu;
    this.pio = mcu.pio[0];
    this.device = device;
    this.nsPerCycle = 0;
    this.at = 0; // time of the instruction that is executed, ns
    this.pins = pins;
    this.microphone = microphone;
    this.due = Infinity; // cycle at which it must be stepped at the latest
    this.next = [0, 0, 0, 0]; // cycle of each machine's next instruction
    this.bit = 0; // on the microphone's data pin
    this.stepping = false;
    this.#listen(mcu, now);
  }

  #listen(mcu, now) {
    const { pio, microphone } = this, clock = 1 << this.pins.clock, self = this;
    Object.defineProperty(mcu, "gpioValues", {
      get: () => {
        if (!this.stepping) this.step(now());
        return (this.device ? this.device.level(this.at - SYNC * this.nsPerCycle) : this.bit) << this.pins.data;
      },
    });
    pio.run = () => {};
    mcu.pio[1].run = () => { throw new Error("PIO 1 is not modelled"); };
    pio.checkChangedPins = function () {
      const changed = this.oldPinValues ^ this.pinValues;
      if (!changed) return;
      this.oldPinValues = this.pinValues;
      this.oldPinDirections = this.pinDirections;
      if (!(changed & clock)) return;
      if (self.device) self.device.edge(this.pinValues, self.at);
      else if (this.pinValues & clock) self.bit = microphone.bit();
    };
    for (const access of ["readUint32", "writeUint32"]) {
      const before = pio[access].bind(pio);
      pio[access] = (offset, value) => {
        this.step(now());
        const ran = pio.machines.map((machine) => machine.enabled);
        const result = before(offset, value);
        pio.machines.forEach((machine, k) => { if (machine.enabled && !ran[k]) this.next[k] = now(); });
        this.#plan(now());
        return result;
      };
    }
  }

  /** Execute everything that is due at cycle `cycles`. */
  step(cycles) {
    const { pio, next } = this;
    this.stepping = true;
    this.nsPerCycle = 1e9 / this.mcu.clkSys;
    for (let k = 0; k < 4; k++) {
      const machine = pio.machines[k];
      if (!machine.enabled || next[k] > cycles) continue;
      const divider = dividerOf(machine);
      while (next[k] <= cycles) {
        const bits = this.#bitsToCome(machine, Math.floor((cycles - next[k]) / divider) + 1);
        if (bits > 0) {
          this.#takeBits(machine, bits);
          next[k] += 2 * bits * divider;
        } else {
          const before = machine.cycles;
          // the divider's fraction makes the machine wait for a whole cycle
          this.at = Math.ceil(next[k] - 1e-6) * this.nsPerCycle;
          machine.step();
          next[k] += Math.max(1, machine.cycles - before) * divider;
          pio.checkChangedPins();
        }
      }
    }
    this.stepping = false;
    this.#plan(cycles);
  }

  #plan(cycles) {
    const { pio, next } = this;
    this.due = Infinity;
    for (let k = 0; k < 4; k++) {
      const machine = pio.machines[k];
      if (!machine.enabled) continue;
      const wait = 2 * this.#bitsToCome(machine, Infinity) * dividerOf(machine);
      this.due = Math.min(this.due, next[k] + wait);
    }
  }

  /** How many bits the machine can take within `steps` instructions without an effect elsewhere. */
  #bitsToCome(machine, steps) {
    if (this.device || steps < 2 || machine.pc !== machine.wrapBottom || !this.#isBitLoop(machine)) return 0;
    return Math.max(0, Math.min(Math.floor(steps / 2), machine.pushThreshold - 1 - machine.inputShiftCount));
  }

  /** Whether its program is "nop side 0; in pins, 1 side 1", which reads a bit each time. */
  #isBitLoop(machine) {
    const { pio, pins } = this, { pc, execCtrl, shiftCtrl } = machine;
    const first = pio.instructions[pc], second = pio.instructions[pc + 1];
    return machine.wrapTop === pc + 1 && !machine.waiting
      && (first & OPERATION) === NOP && (first & DELAY_SIDE) === 0
      && (second & OPERATION) === IN_PINS_1 && (second & DELAY_SIDE) === SIDE_1
      && machine.sidesetCount === 1 && !(execCtrl & (SIDE_OPTIONAL | SIDE_DIRECTIONS))
      && machine.sidesetBase === pins.clock && machine.inBase === pins.data
      && (shiftCtrl & AUTOPUSH) !== 0 && !(shiftCtrl & SHIFT_RIGHT);
  }

  #takeBits(machine, count) {
    const { pio, microphone } = this;
    let register = machine.inputShiftReg, bit = this.bit;
    for (let k = 0; k < count; k++) {
      register = (register << 1) | bit; // before the clock's edge asks for the next bit
      bit = microphone.bit();
    }
    machine.inputShiftReg = register;
    machine.inputShiftCount += count;
    machine.cycles += 2 * count;
    this.bit = bit;
    pio.pinValues |= 1 << this.pins.clock;
    pio.oldPinValues = pio.pinValues;
  }
}

function dividerOf(machine) {
  return (machine.clockDivInt || 65536) + machine.clockDivFrac / 256;
}
