/* I2S microphone. USART 0 clocks it (chapter USART, I2S) and takes the upper 16 of its 24 bits
 * in a slot of 32. Two LDMA channels (chapter LDMA) take turns, one for each slot. The left
 * one's descriptors form a circle of blocks; the right one drops the other slot's data. The
 * samples are right even if the interrupt comes late: the handler only counts, from where the
 * LDMA really is. */
#include "../board.h"

#include <stddef.h>

#include "../block_ring.h"
#include "../cortex_m/chip.h"
#include "../microphone_gain.h"
#include "internal.h"
#include "pins.h"

enum {
    SLOT = 32, /* bits */
    BIT_RATE = MICROPHONE_RATE * 2 * SLOT,
    DIVIDER = PERIPHERAL_HZ / 2 / BIT_RATE,
    /* The ICS-43434 is silent for 2^18 clocks after power-up. */
    SETTLING = (1 << 18) / (2 * SLOT) / MICROPHONE_BLOCK,
    LEFT = 0,
    RIGHT = 1, /* LDMA channels */
};
_Static_assert(DIVIDER * 2 * BIT_RATE == PERIPHERAL_HZ,
               "the clock does not divide to the bit clock: the sample rate would be off");

/* As the LDMA reads it (chapter LDMA, descriptors). */
typedef struct {
    uint32_t control, source, destination, link;
} descriptor_t;
enum { LINK_ABSOLUTE = 0, LINK = 1 << 1 }; /* link: beside the address, in its low bits */

static descriptor_t circle[BLOCKS], discard;
static int16_t ring[BLOCKS][MICROPHONE_BLOCK], nobody;

static block_ring_t blocks;
static bool running;

/* Where the LDMA writes tells the blocks modulo BLOCKS. */
static void count_blocks(void) {
    if (running) { /* an interrupt may still be pending after the end */
        const uint32_t written = LDMA->CH[LEFT].DST - (uint32_t)(uintptr_t)ring;
        block_ring_count(&blocks, written / sizeof ring[0]);
    }
}

void isr_microphone(void) {
    const uint32_t flags = LDMA->IF;
    reg_clear(&LDMA->IF, flags);
    if (flags & LDMA_IF_ERROR) {
        fault_report("microphone: the LDMA met a bus error");
    }
    count_blocks();
}

/* A descriptor that moves one half-word for each request. next: follows after `count` of them. */
static descriptor_t descriptor(int16_t *to, uint32_t count, uint32_t flags,
                               const descriptor_t *next) {
    return (descriptor_t){
        .control = LDMA_CH_CTRL_STRUCTTYPE_TRANSFER | (count - 1) << _LDMA_CH_CTRL_XFERCNT_SHIFT |
                   LDMA_CH_CTRL_BLOCKSIZE_UNIT1 | LDMA_CH_CTRL_REQMODE_BLOCK |
                   LDMA_CH_CTRL_SIZE_HALFWORD | LDMA_CH_CTRL_SRCINC_NONE | flags,
        .source = (uint32_t)(uintptr_t)&USART0->RXDOUBLE,
        .destination = (uint32_t)(uintptr_t)to,
        .link = (uint32_t)(uintptr_t)next | LINK | LINK_ABSOLUTE,
    };
}

static void start_channel(uint32_t channel, uint32_t signal, const descriptor_t *first) {
    LDMAXBAR->CH[channel].REQSEL = LDMAXBAR_CH_REQSEL_SOURCESEL_USART0 | signal;
    LDMA->CH[channel].CFG = 0;
    LDMA->CH[channel].LOOP = 0;
    LDMA->CH[channel].DST = first->destination; /* count_blocks() reads it */
    LDMA->CH[channel].LINK = (uint32_t)(uintptr_t)first;
    reg_clear(&LDMA->CHDONE, 1u << channel);
    LDMA->LINKLOAD = 1u << channel;
}

static void start_dma(void) {
    enum { TO_BLOCK = LDMA_CH_CTRL_DSTINC_ONE | LDMA_CH_CTRL_DONEIEN };
    for (uint32_t i = 0; i < BLOCKS; i++) {
        circle[i] = descriptor(ring[i], MICROPHONE_BLOCK, TO_BLOCK, &circle[(i + 1) % BLOCKS]);
    }
    discard = descriptor(&nobody, MICROPHONE_BLOCK, LDMA_CH_CTRL_DSTINC_NONE, &discard);
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_LDMA | CMU_CLKEN0_LDMAXBAR);
    LDMA->EN = LDMA_EN_EN;
    LDMA->CTRL = 0; /* all channels take turns */
    reg_clear(&LDMA->IF, 1u << LEFT | LDMA_IF_ERROR);
    LDMA->IEN = 1u << LEFT | LDMA_IEN_ERROR;
    __asm volatile("dsb" ::: "memory"); /* the descriptors are there */
    start_channel(LEFT, LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAV, circle);
    start_channel(RIGHT, LDMAXBAR_CH_REQSEL_SIGSEL_USART0RXDATAVRIGHT, &discard);
    interrupt_enable(LDMA_IRQn);
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
    LDMA->CHDIS = 1u << LEFT | 1u << RIGHT;
    reg_wait(&LDMA->CHBUSY, 1u << LEFT | 1u << RIGHT, 0);
    LDMA->IEN = 0;
    GPIO->USARTROUTE[0].ROUTEEN = 0;
    reg_clear(&USART0->EN, USART_EN_EN);
    power(false);
    block_ring_stop(&blocks);
}

/* So that even a lost interrupt does not delay a block. */
static void update(void) {
    const uint32_t interrupts = interrupts_off();
    count_blocks();
    interrupts_restore(interrupts);
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
