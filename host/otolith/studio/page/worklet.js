// Collects the microphone's samples into blocks, as int16.

class Blocks extends AudioWorkletProcessor {
  /** @param {{processorOptions: {block: number}}} options block: Samples. */
  constructor(options) {
    super();
    this.block = new Int16Array(options.processorOptions.block);
    this.filled = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    for (const sample of samples) {
      this.block[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("blocks", Blocks);
