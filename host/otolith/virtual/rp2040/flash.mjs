// The flash of an RP2040: the execute-in-place cache, the serial interface behind it, and the
// streaming FIFO. (In rp2040js, flash answers at once.)
//
// Sources: RP2040 datasheet 2.6.3 and 4.10; pico-sdk's boot2; and the designers' answer in
// raspberrypi/pico-feedback issue 307: a line has 8 bytes and a valid bit for each word, and a miss
// fetches one word, because the serial interface delivers 32 bits a transfer.
//
// - Cache: 16 kB, two ways, 8-byte lines. A hit costs nothing beyond the load's own cycles. The
//   replacement policy is not published. Here the way that was used longest ago is replaced.
// - A transfer costs the clocks of instruction, address with mode bits, dummies and 32 data bits, as
//   SPI_CTRLR0 and CTRLR0 say, times the divider BAUDR, and TRANSFER_OVERHEAD. Pico's boot2 leaves
//   8 + 4 + 8 clocks and divider 2: 48 cycles. A load that misses takes 50 cycles, 400 ns, as measured
//   on boards (oberon-rtk.org, Flash Memory).
// - CPU, DMA and stream share the interface: who comes later waits until the transfer ends.
// - While the interface reads many words by itself (ssi.mjs), nobody may read flash through the cache.
// - The CPU fetches a word for two instructions. Not modelled: the word it fetches too much after a
//   branch, and the cache as RAM.
const LINES = 2048, SETS = LINES / 2;
const TRANSFER_OVERHEAD = 8; // cycles for chip select and FIFOs; 50 measured cycles - 2 of the load - 40 of the clocks
const COOLDOWN = 7; // cycles from a miss until the stream goes on (datasheet 2.6.3.4)
const FLUSH_CYCLES = 2048; // the flush clears a line a cycle (datasheet: "around 2000")
const FIFO_WORDS = 2, DREQ_XIP_STREAM = 37, TREQ_PERMANENT = 63, COUNTER_MAX = 0xffffffff;
const XIP_CTRL = 0x14000, XIP_AUX = 0x50400, SSI = 0x18000; // keys of rp2040js' peripherals
const CTRL = 0x00, FLUSH = 0x04, STAT = 0x08, CTR_HIT = 0x0c, CTR_ACC = 0x10;
const STREAM_ADDR = 0x14, STREAM_CTR = 0x18, STREAM_FIFO = 0x1c;
const CTRL_BITS = 0b1011, ENABLE = 1, POWER_DOWN = 8;
const FLUSH_READY = 1, FIFO_EMPTY = 2, FIFO_FULL = 4;

/** Tags of the cache. Addresses are word numbers in flash: byte address / 4, 22 bits. */
export class XipCache {
  constructor() {
    // The line that each of a set's four slots holds, -1: none. A slot is a word: way 0 low, way 0
    // high, way 1 low, way 1 high.
    this.slots = new Int32Array(SETS * 4).fill(-1);
    this.older = new Uint8Array(SETS); // way that was used longest ago
  }

  /** Whether `word` is in the cache; its line becomes the younger one of its set. */
  hit(word) {
    const line = word >>> 1, set = line & (SETS - 1), slot = (set << 2) | (word & 1);
    if (this.slots[slot] === line) { this.older[set] = 1; return true; }
    if (this.slots[slot + 2] === line) { this.older[set] = 0; return true; }
    return false;
  }

  /** Take `word` in: into its line if the other word of that is here, else in place of the older way. */
  allocate(word) {
    const line = word >>> 1, set = line & (SETS - 1), low = set << 2, half = word & 1, { slots } = this;
    let way = this.older[set];
    if (slots[low + (half ^ 1)] === line) way = 0;
    else if (slots[low + 2 + (half ^ 1)] === line) way = 1;
    else slots[low + 2 * way + (half ^ 1)] = -1;
    slots[low + 2 * way + half] = line;
    this.older[set] = 1 - way;
  }

  /** Remove the line of `word`, if it is here. Its way is the next to be filled. */
  invalidate(word) {
    const line = word >>> 1, set = line & (SETS - 1), { slots } = this;
    for (const way of [0, 1]) {
      const low = (set << 2) + 2 * way;
      if (slots[low] !== line && slots[low + 1] !== line) continue;
      slots[low] = slots[low + 1] = -1;
      this.older[set] = way;
    }
  }

  flush() { this.slots.fill(-1); }
}

/** System clock cycles of a 32-bit read with the settings in the serial interface `ssi`; 0 while it is
 * off or not set for reads (boot2 runs from RAM on the chip). */
export function transferCycles(ssi) {
  const { ssienr, baudr, crtlr0, spictlr0 } = ssi;
  const transmit = (crtlr0 >>> 8) & 3, format = (crtlr0 >>> 21) & 3, bits = ((crtlr0 >>> 16) & 31) + 1;
  if (!(ssienr & 1) || !(baudr & 0xfffe) || transmit !== 3 || bits !== 32) return 0;
  const lines = 1 << format, type = spictlr0 & 3;
  const instruction = [0, 4, 8, 16][(spictlr0 >>> 8) & 3] / (type === 2 ? lines : 1);
  const address = (4 * ((spictlr0 >>> 2) & 15)) / (type === 0 ? 1 : lines);
  const dummies = format === 0 ? 0 : (spictlr0 >>> 11) & 31;
  return (instruction + address + dummies) * (baudr & 0xfffe) + wordCycles(ssi) + TRANSFER_OVERHEAD;
}

/** System clock cycles of the 32 data bits of a read. */
export function wordCycles({ baudr, crtlr0 }) { return (32 / (1 << ((crtlr0 >>> 21) & 3))) * (baudr & 0xfffe); }

/** Puts cache, serial interface and streaming FIFO between an RP2040 and its flash. */
export class Flash {
  /** bulk: the serial interface's own reads (ssi.mjs). */
  constructor(mcu, bulk) {
    Object.assign(this, { mcu, bulk, cache: new XipCache() });
    this.stall = 0; // cycles that the CPU's instruction waited; whoever steps the CPU takes and clears them
    this.waited = 0; // cycles that the CPU waited since power-on
    this.cost = 0; // cycles of a transfer
    this.ctrl = ENABLE | 2;
    this.enabled = true;
    this.accesses = this.misses = 0; // since power-on
    this.accessesCleared = this.hitsCleared = 0; // what accesses and hits were when firmware cleared the counters
    this.fetched = -1; // word that the last instruction came from
    this.freeAt = 0; // ns, when the serial interface is free
    this.calmAt = 0; // ns, from when the stream may use it
    this.flushedAt = 0; // ns, when the flush has ended
    this.streamAddress = this.streamCount = 0;
    this.fifo = [];
    this.streaming = false; // a word of the stream is under way
    this.streamAlarm = mcu.clock.createAlarm(() => this.#stream());
    this.#watchSettings(mcu.peripherals[SSI]);
    this.#watchCpu(mcu.core);
    this.#watchDma(mcu.dma);
    mcu.peripherals[XIP_CTRL] = this.#registers();
    mcu.peripherals[XIP_AUX] = { readUint32: () => this.#pop(), writeUint32Atomic() {} };
  }

  get #hits() { return this.accesses - this.misses; }

  get #cycle() { return 1e9 / this.mcu.clkSys; }

  #watchSettings(ssi) {
    const write = ssi.writeUint32.bind(ssi);
    ssi.writeUint32 = (offset, value) => { write(offset, value); this.cost = transferCycles(ssi); };
    this.cost = transferCycles(ssi);
  }

  #watchCpu(core) {
    const { mcu } = this, { registers } = core;
    const bytes = mcu.flash, halves = new Uint16Array(bytes.buffer), words = new Uint32Array(bytes.buffer);
    const { slots, older } = this.cache, { bulk } = this, flash = this;
    // The hit is written out here, because it happens at every other instruction.
    const look = (address) => {
      if (bulk.taken) bulk.refuse(address);
      flash.accesses++;
      const line = (address & 0xffffff) >>> 3, set = line & (SETS - 1), slot = (set << 2) | ((address >>> 2) & 1);
      if (flash.enabled && (address & 0x2000000) === 0) {
        if (slots[slot] === line) { older[set] = 1; return; }
        if (slots[slot + 2] === line) { older[set] = 0; return; }
      }
      flash.#missed(address);
    };
    core.readUint16 = (address) => {
      if (address >>> 26 !== 4) return mcu.readUint16(address);
      const ahead = address - registers[15]; // 0 or 2: an instruction; while one executes, PC is past it
      if (address >>> 2 !== flash.fetched || (ahead !== 0 && ahead !== 2)) {
        if (ahead === 0 || ahead === 2) flash.fetched = address >>> 2;
        look(address);
      }
      return halves[(address & 0xffffff) >>> 1];
    };
    core.readUint32 = (address) => {
      if (address >>> 26 !== 4 || (address & 3) !== 0) return mcu.readUint32(address);
      look(address);
      return words[(address & 0xffffff) >>> 2];
    };
    core.readUint8 = (address) => {
      if (address >>> 26 !== 4) return mcu.readUint8(address);
      look(address);
      return bytes[address & 0xffffff];
    };
    for (const name of ["writeUint32", "writeUint16", "writeUint8"]) {
      core[name] = (address, value) => {
        if (address >>> 26 !== 4) mcu[name](address, value);
        else if (address >>> 24 === 0x10) this.cache.invalidate((address & 0xffffff) >>> 2);
      };
    }
  }

  /** The CPU waits for a word that is not in the cache. */
  #missed(address) {
    this.misses++;
    if (this.cost === 0) return;
    const cycle = this.#cycle, now = this.mcu.clock.nanosCounter + this.stall * cycle;
    const wait = Math.round((this.#miss(address, now) - now) / cycle);
    this.stall += wait;
    this.waited += wait;
  }

  /** Fetch a word at time `now` (ns); returns when it is here. */
  #miss(address, now) {
    if (this.enabled && !(address & 0x1000000)) this.cache.allocate((address & 0xffffff) >>> 2);
    const end = Math.max(now, this.freeAt, this.flushedAt) + this.cost * this.#cycle;
    this.freeAt = end;
    this.calmAt = end + COOLDOWN * this.#cycle;
    return end;
  }

  /** A DMA channel's read waits as the CPU's does, but the CPU goes on. */
  #watchDma(dma) {
    for (const channel of dma.channels) {
      const { transferAlarm } = channel, transfer = transferAlarm.callback;
      let waiting = false;
      transferAlarm.callback = () => { waiting = false; transfer(); };
      channel.scheduleTransfer = () => {
        const { treq, readAddr } = channel;
        const due = dma.dreq[treq] || treq === TREQ_PERMANENT;
        const pause = due ? 0 : dma.getTimer(treq) * 1000;
        if (!due && !pause) return;
        if (readAddr >>> 26 !== 4) { transferAlarm.schedule(pause); return; }
        if (waiting && transferAlarm.scheduled) return; // a request came during a wait
        waiting = true;
        transferAlarm.schedule(Math.max(pause, this.#dmaWait(readAddr)));
      };
    }
  }

  /** Nanoseconds until a DMA read of `address` is done. */
  #dmaWait(address) {
    const cycle = this.#cycle, now = this.mcu.clock.nanosCounter;
    if (this.bulk.taken) this.bulk.refuse(address);
    this.accesses++;
    if (this.enabled && !(address & 0x2000000) && this.cache.hit((address & 0xffffff) >>> 2)) return cycle;
    this.misses++;
    return cycle + (this.cost ? this.#miss(address, now) - now : 0);
  }

  #registers() {
    const read = (offset) => {
      switch (offset & 0xff) {
        case CTRL: return this.ctrl;
        case FLUSH: this.#waitForFlush(); return 0;
        case STAT: return (this.mcu.clock.nanosCounter >= this.flushedAt ? FLUSH_READY : 0)
          | (this.fifo.length === 0 ? FIFO_EMPTY : 0) | (this.fifo.length === FIFO_WORDS ? FIFO_FULL : 0);
        case CTR_HIT: return Math.min(this.#hits - this.hitsCleared, COUNTER_MAX);
        case CTR_ACC: return Math.min(this.accesses - this.accessesCleared, COUNTER_MAX);
        case STREAM_ADDR: return this.streamAddress;
        case STREAM_CTR: return this.streamCount;
        case STREAM_FIFO: return this.#pop();
      }
      return 0;
    };
    const write = (offset, value) => {
      switch (offset & 0xff) {
        case CTRL:
          this.ctrl = value & POWER_DOWN ? value & CTRL_BITS & ~ENABLE : value & CTRL_BITS;
          this.enabled = (this.ctrl & ENABLE) !== 0;
          break;
        case FLUSH: if (value & 1) this.#flush(); break;
        case CTR_HIT: this.hitsCleared = this.#hits; break;
        case CTR_ACC: this.accessesCleared = this.accesses; break;
        case STREAM_ADDR: this.streamAddress = (value & ~3) >>> 0; break;
        case STREAM_CTR: this.#start(value & 0x3fffff); break;
      }
    };
    const atomic = [(_, v) => v, (old, v) => old ^ v, (old, v) => old | v, (old, v) => old & ~v];
    return {
      readUint32: read,
      writeUint32Atomic: (offset, value, kind) => {
        const plain = kind === 0 || [FLUSH, CTR_HIT, CTR_ACC].includes(offset & 0xff);
        write(offset, (plain ? value : atomic[kind](read(offset), value)) >>> 0);
      },
    };
  }

  #flush() {
    this.cache.flush();
    this.fetched = -1;
    this.flushedAt = this.mcu.clock.nanosCounter + FLUSH_CYCLES * this.#cycle;
  }

  #waitForFlush() {
    const cycle = this.#cycle, left = this.flushedAt - this.mcu.clock.nanosCounter - this.stall * cycle;
    if (left > 0) this.stall += Math.ceil(left / cycle);
  }

  #start(count) {
    this.streamCount = count;
    if (count === 0) { this.streaming = false; this.streamAlarm.cancel(); return; }
    if (!this.streaming) this.#plan();
  }

  #pop() {
    const value = this.fifo.length ? this.fifo.shift() : 0;
    if (this.fifo.length === 0) this.mcu.dma.clearDREQ(DREQ_XIP_STREAM);
    if (!this.streaming) this.#plan();
    return value;
  }

  /** Start the stream's next word as soon as the interface is free. */
  #plan() {
    if (this.streamCount === 0 || this.fifo.length === FIFO_WORDS || this.cost === 0) return;
    const now = this.mcu.clock.nanosCounter;
    this.streamAlarm.schedule(Math.max(0, this.freeAt - now, this.calmAt - now));
  }

  /** The alarm: a word of the stream has come, or the next one may start. */
  #stream() {
    const { mcu, fifo } = this, now = mcu.clock.nanosCounter;
    if (this.streaming) {
      this.streaming = false;
      fifo.push(mcu.flashView.getUint32(this.streamAddress & 0xfffffc, true));
      this.streamAddress += 4;
      this.streamCount--;
      mcu.dma.setDREQ(DREQ_XIP_STREAM);
      this.#plan();
    } else if (now < this.freeAt || now < this.calmAt) {
      this.#plan(); // a miss came first
    } else {
      this.streaming = true;
      this.freeAt = now + this.cost * this.#cycle;
      this.streamAlarm.schedule(this.cost * this.#cycle);
    }
  }
}
