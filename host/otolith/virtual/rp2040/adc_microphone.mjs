// An analog microphone on a pin of the ADC. rp2040js converts in 2 us and keeps the period of DIV.
// This module supplies the counts: the sound around the microphone's bias. It also takes away READY
// while the ADC is off, which rp2040js reports.
const BIAS = 1551; // 1.25 V of 3.3 V, as a MAX9814 gives
const HALF = 2048, HIGHEST = 4095, FIRST_PIN = 26, CONVERSION_NS = 2000, CYCLE_NS = 1e9 / 48e6;
const CS = 0x00, EN = 1, READY = 1 << 8;

export class AdcMicrophone {
  /** pin: the GPIO it is wired to. sound: a Sound, whose analog() gives values of 64 kHz. */
  constructor(mcu, pin, sound) {
    this.input = pin - FIRST_PIN;
    this.sound = sound;
    this.count = BIAS; // at the last conversion
    this.due = 0; // of the next value of the sound
    this.converted = 0;
    const { adc } = mcu, clock = mcu.clock;
    const done = clock.createAlarm(() => adc.completeADCRead(this.current, false));
    const read = adc.readUint32.bind(adc);
    adc.readUint32 = (offset) => (offset === CS && !(adc.cs & EN) ? read(offset) & ~READY : read(offset));
    adc.onADCRead = (channel) => {
      this.current = this.#convert(channel, clock.nanos, adc.divider);
      done.schedule(CONVERSION_NS);
    };
  }

  #convert(channel, nanos, divider) {
    if (channel !== this.input) return 0; // nothing is wired there
    this.converted++;
    const value = this.sound.analog(divider * CYCLE_NS);
    this.count = Math.max(0, Math.min(HIGHEST, Math.round(BIAS + value * HALF)));
    return this.count;
  }
}
