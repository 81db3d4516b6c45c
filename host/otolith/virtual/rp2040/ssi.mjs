// Reads of many words by the RP2040's serial interface itself: firmware writes an address into its data
// register, and DMA takes the words from its FIFO (RP2040 datasheet 4.10, pico-examples' flash/ssi_dma).
//
// The address costs what a read of one word does, each further word its 32 data bits: with boot2's
// settings 48 cycles and then 16 a word. Words come with their first byte on top. A word that finds the
// FIFO full is lost and counted by the interface's overflow interrupt.
import { transferCycles, wordCycles } from "./flash.mjs";

const CTRLR1 = 0x04, SSIENR = 0x08, RXFLR = 0x24, SR = 0x28, RISR = 0x34, RXOICR = 0x3c, ICR = 0x48;
const DMACR = 0x4c, DATA = 0x60;
const RECEIVE_DMA = 1, BUSY = 1, IDLE = 0b110, NOT_EMPTY = 8, OVERFLOW = 8;
const FIFO_WORDS = 16, DREQ_XIP_SSIRX = 39;

export class BulkReader {
  /** ideal: words come at once. */
  constructor(mcu, ssi, ideal) {
    Object.assign(this, { mcu, ssi, ideal });
    this.frames = this.dma = 0; // CTRLR1, DMACR
    this.words = 0; // words that were read in all
    this.left = 0; // words to come
    this.address = 0;
    this.fifo = [];
    this.overflow = false;
    this.alarm = mcu.clock.createAlarm(() => this.#arrive());
    const read = ssi.readUint32.bind(ssi), write = ssi.writeUint32.bind(ssi);
    ssi.readUint32 = (offset) => this.#read(offset, read);
    ssi.writeUint32 = (offset, value) => this.#write(offset, value, write);
  }

  /** Whether the interface is set up for such reads: the cache can't use it. */
  get taken() { return this.frames !== 0 || this.dma !== 0; }

  /** What happens on a chip then is not defined. */
  refuse(address) {
    const at = (this.mcu.core.PC >>> 0).toString(16);
    throw new Error(`flash at 0x${(address >>> 0).toString(16)} is read near PC 0x${at} while DMA has its serial interface`);
  }

  get #cycle() { return this.ideal ? 0 : 1e9 / this.mcu.clkSys; }

  #read(offset, otherwise) {
    switch (offset) {
      case CTRLR1: return this.frames;
      case DMACR: return this.dma;
      case RXFLR: return this.fifo.length;
      case RISR: return this.overflow ? OVERFLOW : 0;
      case RXOICR: case ICR: this.overflow = false; return 0;
      case SR: if (this.taken) return IDLE | (this.left ? BUSY : 0) | (this.fifo.length ? NOT_EMPTY : 0); break;
      case DATA: if (this.taken) return this.#pop(); break;
    }
    return otherwise(offset);
  }

  #write(offset, value, otherwise) {
    switch (offset) {
      case CTRLR1: this.frames = value & 0xffff; return;
      case DMACR: this.dma = value & 3; return;
      case SSIENR: if (!(value & 1)) this.#stop(); break;
      case DATA: if (this.dma & RECEIVE_DMA) { this.#start(value); return; } break;
    }
    otherwise(offset, value);
  }

  #start(value) {
    const cycles = transferCycles(this.ssi);
    if (cycles === 0 || this.left !== 0) return;
    this.left = this.frames + 1;
    this.address = value >>> 8; // the lowest byte has the mode bits
    this.alarm.schedule(cycles * this.#cycle);
  }

  #arrive() {
    if (this.fifo.length === FIFO_WORDS) this.overflow = true;
    else this.fifo.push(this.mcu.flashView.getUint32(this.address & 0xfffffc, false));
    this.address += 4;
    this.words++;
    this.mcu.dma.setDREQ(DREQ_XIP_SSIRX);
    if (--this.left !== 0) this.alarm.schedule(wordCycles(this.ssi) * this.#cycle);
  }

  #pop() {
    const value = this.fifo.shift() ?? 0;
    if (this.fifo.length === 0) this.mcu.dma.clearDREQ(DREQ_XIP_SSIRX);
    return value;
  }

  #stop() {
    this.left = 0;
    this.fifo.length = 0;
    this.alarm.cancel();
    this.mcu.dma.clearDREQ(DREQ_XIP_SSIRX);
  }
}
