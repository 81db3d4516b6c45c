/* Analog microphone (MAX9814, MAX4466) on the ADC: 64,000 counts a second, which lib/pdm decimates
 * to 16 kHz. clk_adc is 48 MHz from the crystal, and 750 of its cycles make a period, so the rate
 * is exact. RP2040-E11: a few codes of the ADC are much wider than the others, which costs about 3
 * bits; the RP2350 is better. */
#include "hardware/adc.h"
#include "hardware/resets.h"
#include "adc.h"

#include "capture.h"

enum {
    COUNT_RATE = MICROPHONE_RATE * ADC_DECIMATION,
    ADC_CLOCK = 48000000,
    PERIOD = ADC_CLOCK / COUNT_RATE,
    FIRST_PIN = 26, /* GPIO 26 to 29 are inputs 0 to 3 */
};
_Static_assert(PERIOD *COUNT_RATE == ADC_CLOCK && PERIOD > 96,
               "rate; a conversion takes 96 cycles");
_Static_assert(ADC_DECIMATION * sizeof(uint16_t) == BYTES_A_SAMPLE, "size of a block");
_Static_assert(BOARD_PIN_ADC >= FIRST_PIN && BOARD_PIN_ADC < FIRST_PIN + 4, "not a pin of the ADC");

static adc_t stream;

/* An ADC without power is never ready, and adc_fifo_drain() waits until it is. */
static void claim_adc(void) {
    reset_block_mask(RESETS_RESET_ADC_BITS);
    unreset_block_mask_wait_blocking(RESETS_RESET_ADC_BITS);
    adc_hw->cs = ADC_CS_EN_BITS;
    while (!(adc_hw->cs & ADC_CS_READY_BITS)) {
        tight_loop_contents();
    }
}

static void prepare(void) {
    adc_init_stream(&stream);
    adc_gpio_init(BOARD_PIN_ADC);
    adc_select_input(BOARD_PIN_ADC - FIRST_PIN);
    adc_fifo_setup(true, true, 1, false, false); /* a DMA request for each count */
    adc_hw->div = (PERIOD - 1) << ADC_DIV_INT_LSB;
}

static void run(bool on) {
    adc_run(on);
    if (!on) {
        adc_fifo_drain();
    }
}

static const volatile void *fifo(void) {
    return &adc_hw->fifo;
}

static uint request(void) {
    return DREQ_ADC;
}

static void convert(const uint32_t *block, int16_t *pcm) {
    adc_decimate(&stream, (const uint16_t *)(const void *)block, pcm, MICROPHONE_BLOCK);
}

static const capture_t capture = {
    .size = DMA_SIZE_16,
    .transfers = 2 * BLOCK_WORDS,
    .claim = claim_adc,
    .prepare = prepare,
    .run = run,
    .fifo = fifo,
    .request = request,
    .convert = convert,
};
