/* I2S microphone. USART 0 clocks it (chapter USART, I2S) and takes the upper 16 of its 24 bits
 * in a slot of 32. Two LDMA channels take turns, one for each slot. The left one fills the circle
 * of blocks; the right one drops the other slot's data. */
#include "../board.h"

enum {
    SLOT = 32, /* bits */
    BIT_RATE = MICROPHONE_RATE * 2 * SLOT,
    CAPTURE_HALVES = MICROPHONE_BLOCK,
    RIGHT = 1, /* LDMA channel */
};
#include "capture.h"

enum {
    DIVIDER = PERIPHERAL_HZ / 2 / BIT_RATE,
    /* The ICS-43434 is silent for 2^18 clocks after power-up. */
    SETTLING = (1 << 18) / (2 * SLOT) / MICROPHONE_BLOCK,
};
_Static_assert(DIVIDER * 2 * BIT_RATE == PERIPHERAL_HZ,
               "the clock does not divide to the bit clock: the sample rate would be off");

static descriptor_t discard;
static int16_t nobody;

static void start_dma(void) {
    enum { USART = LDMAXBAR_CH_REQSEL_SOURCESEL_USART0 };
    discard = descriptor(&USART0->RXDOUBLE, &nobody, MICROPHONE_BLOCK, LDMA_CH_CTRL_DSTINC_NONE,
                         &discard);
    start_circle(&USART0->RXDOUBLE, USART | LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAV);
    start_channel(RIGHT, USART | LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAVRIGHT, &discard);
}

static void power(bool on) {
    pin_mode(BOARD_PIN_MICROPHONE_ENABLE, _GPIO_P_MODEL_MODE0_PUSHPULL);
    pin_set(BOARD_PIN_MICROPHONE_ENABLE, on);
    const uint32_t driven = on ? _GPIO_P_MODEL_MODE0_PUSHPULL : _GPIO_P_MODEL_MODE0_DISABLED;
    pin_mode(BOARD_PIN_I2S_CLOCK, driven);
    pin_mode(BOARD_PIN_I2S_WORD, driven);
    pin_mode(BOARD_PIN_I2S_DATA, on ? _GPIO_P_MODEL_MODE0_INPUT : _GPIO_P_MODEL_MODE0_DISABLED);
}

/* It receives only while it sends; it sends zeros, to no pin. */
static void start_usart(void) {
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_USART0);
    GPIO->USARTROUTE[0].CLKROUTE = pin_route(BOARD_PIN_I2S_CLOCK);
    GPIO->USARTROUTE[0].CSROUTE = pin_route(BOARD_PIN_I2S_WORD);
    GPIO->USARTROUTE[0].RXROUTE = pin_route(BOARD_PIN_I2S_DATA);
    reg_set(&USART0->EN, USART_EN_EN);
    USART0->CMD = USART_CMD_RXDIS | USART_CMD_TXDIS | USART_CMD_CLEARRX | USART_CMD_CLEARTX;
    USART0->CTRL = USART_CTRL_SYNC | USART_CTRL_MSBF | USART_CTRL_AUTOTX;
    USART0->FRAME = USART_FRAME_DATABITS_SIXTEEN | USART_FRAME_STOPBITS_ONE;
    USART0->CLKDIV = 256u * (DIVIDER - 1);
    USART0->I2SCTRL = USART_I2SCTRL_EN | USART_I2SCTRL_DELAY | USART_I2SCTRL_DMASPLIT |
                      USART_I2SCTRL_FORMAT_W32D16;
    reg_clear(&USART0->IF, USART_IF_RXOF);
    GPIO->USARTROUTE[0].ROUTEEN =
        GPIO_USART_ROUTEEN_CLKPEN | GPIO_USART_ROUTEEN_CSPEN | GPIO_USART_ROUTEEN_RXPEN;
    USART0->CMD = USART_CMD_MASTEREN;
    USART0->CMD = USART_CMD_RXEN | USART_CMD_TXEN;
}

void microphone_start(void) {
    microphone_stop();
    block_ring_start(&blocks, SETTLING);
    power(true);
    start_dma();
    start_usart();
    running = true;
}

void microphone_stop(void) {
    if (!running) {
        return;
    }
    running = false;
    USART0->CMD = USART_CMD_RXDIS | USART_CMD_TXDIS;
    stop_channels(1u << CHANNEL | 1u << RIGHT);
    GPIO->USARTROUTE[0].ROUTEEN = 0;
    reg_clear(&USART0->EN, USART_EN_EN);
    power(false);
    block_ring_stop(&blocks);
}

static void copy(uint32_t block, int16_t *pcm) {
    const volatile int16_t *from = ring[block % BLOCKS];
    for (uint32_t i = 0; i < MICROPHONE_BLOCK; i++) {
        pcm[i] = from[i];
    }
}

static const block_source_t source = {.in_work = 1, .update = update, .copy = copy};

#include "../microphone_blocks.h"

uint32_t microphone_overruns(void) {
    /* The LDMA was too late for a sample: its block has a gap. */
    if (running && (USART0->IF & USART_IF_RXOF)) {
        reg_clear(&USART0->IF, USART_IF_RXOF);
        blocks.overruns++;
    }
    return blocks.overruns;
}
