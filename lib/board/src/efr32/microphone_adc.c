/* Analog microphone on the IADC (chapter IADC). Its timer starts 64,000 conversions a second, which
 * lib/pdm decimates to 16 kHz. Each averages 32 samples to 16 bits in 130 of the 144 cycles there
 * are. All its clocks divide the PLL's, so the rate is exact.
 *
 * Full scale is the band gap's 1.21 V. The offset is the one of this average; what a chip's own
 * calibration would add is a constant, which lib/pdm removes. */
#include "../board.h"

#include "adc.h"

enum { CAPTURE_HALVES = MICROPHONE_BLOCK * ADC_DECIMATION };
#include "capture.h"

enum {
    COUNT_RATE = MICROPHONE_RATE * ADC_DECIMATION,
    SOURCE_HZ = BOARD_CLOCK_HZ / 2, /* CLK_SRC_ADC, at most 40 MHz */
    DIVIDER = 4,
    ADC_HZ = SOURCE_HZ / DIVIDER, /* CLK_ADC, at most 10 MHz */
    PERIOD = SOURCE_HZ / COUNT_RATE,
    AVERAGE = 32, /* samples of a conversion; it takes 4 cycles each, and 2 */
    MICROSECOND = (SOURCE_HZ + 999999) / 1000000,       /* cycles of CLK_SRC_ADC */
    OFFSET = -640 * 256 / AVERAGE,                      /* makes the average's lowest value 0 */
    SETTLING = MICROPHONE_RATE / 10 / MICROPHONE_BLOCK, /* 0.1 s, for the microphone's bias */
    PORT = BOARD_PIN_ADC >> 4,
    PIN = BOARD_PIN_ADC & 15,
    GROUND_PIN = 1, /* of PORTNEG_GND */
};
_Static_assert(PERIOD *COUNT_RATE == SOURCE_HZ && SOURCE_HZ <= 40000000 && ADC_HZ <= 10000000,
               "the clocks of the IADC");
_Static_assert((4 * AVERAGE + 2) * DIVIDER <= PERIOD, "a conversion takes too long");

static adc_t stream;

static void power(bool on) {
#ifdef BOARD_PIN_MICROPHONE_POWER
    pin_mode(BOARD_PIN_MICROPHONE_POWER, _GPIO_P_MODEL_MODE0_PUSHPULL);
    pin_set(BOARD_PIN_MICROPHONE_POWER, on);
#else
    (void)on;
#endif
}

/* The pin's analog bus belongs to the IADC; ports C and D share one. */
static void connect_pin(void) {
    reg_t *const bus = PORT == 0   ? &GPIO->ABUSALLOC
                       : PORT == 1 ? &GPIO->BBUSALLOC
                                   : &GPIO->CDBUSALLOC;
    pin_mode(BOARD_PIN_ADC, _GPIO_P_MODEL_MODE0_DISABLED);
    reg_set(bus, PIN % 2 ? GPIO_ABUSALLOC_AODD0_ADC0 : GPIO_ABUSALLOC_AEVEN0_ADC0);
}

static void disable_iadc(void) {
    reg_clear(&IADC0->EN, IADC_EN_EN);
    reg_wait(&IADC0->EN, IADC_EN_DISABLING, 0);
}

/* What says how to convert is written while it is disabled, what to convert while it is enabled. */
static void start_iadc(void) {
    CMU->IADCCLKCTRL = CMU_IADCCLKCTRL_CLKSEL_EM01GRPACLK;
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_IADC0);
    disable_iadc();
    IADC0->CTRL = IADC_CTRL_WARMUPMODE_KEEPWARM | IADC_CTRL_HSCLKRATE_DIV2 |
                  (MICROSECOND - 1u) << _IADC_CTRL_TIMEBASE_SHIFT;
    IADC0->TIMER = PERIOD;
    IADC0->TRIGGER = IADC_TRIGGER_SINGLETRIGSEL_TIMER | IADC_TRIGGER_SINGLETRIGACTION_ONCE;
    IADC0->CFG[0].CFG = IADC_CFG_ADCMODE_NORMAL | IADC_CFG_OSRHS_HISPD32 |
                        IADC_CFG_ANALOGGAIN_ANAGAIN1 | IADC_CFG_REFSEL_VBGR |
                        IADC_CFG_TWOSCOMPL_FORCEUNIPOLAR;
    IADC0->CFG[0].SCALE =
        IADC_SCALE_GAIN3MSB_GAIN100 | ((uint32_t)OFFSET & _IADC_SCALE_OFFSET_MASK);
    IADC0->CFG[0].SCHED = DIVIDER - 1;
    IADC0->SINGLEFIFOCFG = IADC_SINGLEFIFOCFG_ALIGNMENT_RIGHT16 | IADC_SINGLEFIFOCFG_DVL_VALID1;
    reg_set(&IADC0->EN, IADC_EN_EN);
    IADC0->SINGLE = IADC_SINGLE_PORTPOS_PORTA + ((uint32_t)PORT << _IADC_SINGLE_PORTPOS_SHIFT) +
                    ((uint32_t)PIN << _IADC_SINGLE_PINPOS_SHIFT) + IADC_SINGLE_PORTNEG_GND +
                    GROUND_PIN;
    reg_wait(&IADC0->STATUS, IADC_STATUS_SINGLEWRITEPENDING, 0);
    reg_clear(&IADC0->IF, IADC_IF_SINGLEFIFOOF);
    IADC0->CMD = IADC_CMD_SINGLESTART;
    IADC0->CMD = IADC_CMD_TIMEREN;
}

static void stop_iadc(void) {
    enum {
        BUSY = IADC_STATUS_CONVERTING | IADC_STATUS_SINGLEQUEUEPENDING | IADC_STATUS_TIMERACTIVE
    };
    IADC0->CMD = IADC_CMD_SINGLESTOP | IADC_CMD_TIMERDIS;
    reg_wait(&IADC0->STATUS, BUSY, 0);
    IADC0->CMD = IADC_CMD_SINGLEFIFOFLUSH;
    reg_wait(&IADC0->STATUS, IADC_STATUS_SINGLEFIFOFLUSHING, 0);
    disable_iadc();
    reg_clear(&CMU->CLKEN0, CMU_CLKEN0_IADC0);
}

void microphone_start(void) {
    microphone_stop();
    block_ring_start(&blocks, SETTLING);
    adc_init_stream(&stream);
    power(true);
    connect_pin();
    start_circle(&IADC0->SINGLEFIFODATA,
                 LDMAXBAR_CH_REQSEL_SOURCESEL_IADC0 | LDMAXBAR_CH_REQSEL_SIGSEL_IADC0IADC_SINGLE);
    running = true;
    start_iadc();
}

void microphone_stop(void) {
    if (!running) {
        return;
    }
    running = false;
    stop_iadc();
    stop_channels(1u << CHANNEL);
    power(false);
    block_ring_stop(&blocks);
}

static void copy(uint32_t block, int16_t *pcm) {
    adc16_decimate(&stream, (const uint16_t *)ring[block % BLOCKS], pcm, MICROPHONE_BLOCK);
}

static const block_source_t source = {.in_work = 1, .update = update, .copy = copy};

#include "../microphone_blocks.h"

uint32_t microphone_overruns(void) {
    /* The LDMA was too late for a count: its block has a gap. */
    if (running && (IADC0->IF & IADC_IF_SINGLEFIFOOF)) {
        reg_clear(&IADC0->IF, IADC_IF_SINGLEFIFOOF);
        blocks.overruns++;
    }
    return blocks.overruns;
}
