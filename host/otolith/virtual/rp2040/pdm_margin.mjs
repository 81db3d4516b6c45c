// How much time a running image's PIO program leaves to a PDM microphone at other clocks: its
// instructions and its state machine's registers are copied to a chip without a CPU.
import { PdmTiming } from "./pdm_timing.mjs";
import { Pio } from "./pio.mjs";

const CTRL = 0x000, RXF0 = 0x020, INSTR_MEM0 = 0x048, SM0 = 0x0c8, SM_STRIDE = 0x18;
const CLKDIV = 0x00, EXECCTRL = 0x04, SHIFTCTRL = 0x08, PINCTRL = 0x14, SIDE_1 = 0x1000;
const MEMORY = 32, BITS_A_READ = 64, SETTLING_BITS = 4;

/** {wrong, setup, held} of `bits` bits: reads of a level that is not valid, and the smallest times
 * from valid data to a read and from a read to the end of valid data, ns. */
export function margin(library, running, pins, { rate, right, valid, hold, bits }) {
  const pio = running.pio[0], k = pio.machines.findIndex((machine) => machine.enabled);
  if (k < 0) throw new Error("no state machine runs");
  const mcu = new library.RP2040(new library.SimulationClock());
  let seed = 1;
  const microphone = { bit() { seed = (Math.imul(seed, 1664525) + 1013904223) | 0; return seed >>> 31; } };
  const device = new PdmTiming({ microphone, clock: pins.clock, right, valid, hold });
  let cycles = 0;
  const stepped = new Pio(mcu, pins, microphone, () => cycles, device);
  const copy = mcu.pio[0], base = SM0 + SM_STRIDE * k;
  for (let at = 0; at < MEMORY; at++) {
    // the program for the other edge has the clock's levels exchanged
    copy.writeUint32(INSTR_MEM0 + 4 * at, (pio.instructions[at] ?? 0) ^ (right ? SIDE_1 : 0));
  }
  for (const register of [EXECCTRL, SHIFTCTRL, PINCTRL]) {
    copy.writeUint32(base + register, pio.readUint32(base + register));
  }
  const divider = Math.round((mcu.clkSys * 256) / (2 * rate));
  copy.writeUint32(base + CLKDIV, (divider << 8) >>> 0);
  copy.machines[k].pc = pio.machines[k].wrapBottom;
  copy.writeUint32(CTRL, 1 << k);
  const bitCycles = (2 * divider) / 256;
  stepped.step(cycles += SETTLING_BITS * bitCycles);
  device.wrong = 0;
  for (let done = 0; done < bits; done += BITS_A_READ) {
    stepped.step(cycles += BITS_A_READ * bitCycles);
    for (let word = 0; word < BITS_A_READ / 32; word++) copy.readUint32(RXF0 + 4 * k);
  }
  return { wrong: device.wrong, setup: device.setup, held: device.held, rate: (mcu.clkSys * 256) / (2 * divider) };
}
