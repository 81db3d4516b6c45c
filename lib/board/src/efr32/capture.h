/* From a peripheral's FIFO to blocks in memory, by LDMA (chapter LDMA). A channel's descriptors
 * form a circle of blocks, and each request moves a half-word. The samples are right even if the
 * interrupt comes late: the handler only counts, from where the LDMA really is.
 *
 * One microphone driver includes this per image, after it has said CAPTURE_HALVES, the half-words
 * in a block. */
#ifndef OTOLITH_EFR32_CAPTURE_H
#define OTOLITH_EFR32_CAPTURE_H

#include "../board.h"

#include <stddef.h>

#include "../block_ring.h"
#include "../cortex_m/chip.h"
#include "../microphone_gain.h"
#include "internal.h"
#include "pins.h"

enum { CHANNEL = 0 }; /* of the LDMA, for the circle */

/* As the LDMA reads it (chapter LDMA, descriptors). */
typedef struct {
    uint32_t control, source, destination, link;
} descriptor_t;
enum { LINK_ABSOLUTE = 0, LINK = 1 << 1 }; /* link: beside the address, in its low bits */

static descriptor_t circle[BLOCKS];
static int16_t ring[BLOCKS][CAPTURE_HALVES];

static block_ring_t blocks;
static bool running;

/* Where the LDMA writes tells the blocks modulo BLOCKS. */
static void count_blocks(void) {
    if (running) { /* an interrupt may still be pending after the end */
        const uint32_t written = LDMA->CH[CHANNEL].DST - (uint32_t)(uintptr_t)ring;
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
static descriptor_t descriptor(const reg_t *from, int16_t *to, uint32_t count, uint32_t flags,
                               const descriptor_t *next) {
    return (descriptor_t){
        .control = LDMA_CH_CTRL_STRUCTTYPE_TRANSFER | (count - 1) << _LDMA_CH_CTRL_XFERCNT_SHIFT |
                   LDMA_CH_CTRL_BLOCKSIZE_UNIT1 | LDMA_CH_CTRL_REQMODE_BLOCK |
                   LDMA_CH_CTRL_SIZE_HALFWORD | LDMA_CH_CTRL_SRCINC_NONE | flags,
        .source = (uint32_t)(uintptr_t)from,
        .destination = (uint32_t)(uintptr_t)to,
        .link = (uint32_t)(uintptr_t)next | LINK | LINK_ABSOLUTE,
    };
}

/* request: source and signal, as LDMAXBAR_CH_REQSEL has them. */
static void start_channel(uint32_t channel, uint32_t request, const descriptor_t *first) {
    LDMAXBAR->CH[channel].REQSEL = request;
    LDMA->CH[channel].CFG = 0;
    LDMA->CH[channel].LOOP = 0;
    LDMA->CH[channel].DST = first->destination; /* count_blocks() reads it */
    LDMA->CH[channel].LINK = (uint32_t)(uintptr_t)first;
    reg_clear(&LDMA->CHDONE, 1u << channel);
    LDMA->LINKLOAD = 1u << channel;
}

/* The circle takes what `fifo` has at each `request`. Other channels may be started after it. */
static void start_circle(const reg_t *fifo, uint32_t request) {
    enum { TO_BLOCK = LDMA_CH_CTRL_DSTINC_ONE | LDMA_CH_CTRL_DONEIEN };
    for (uint32_t i = 0; i < BLOCKS; i++) {
        circle[i] = descriptor(fifo, ring[i], CAPTURE_HALVES, TO_BLOCK, &circle[(i + 1) % BLOCKS]);
    }
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_LDMA | CMU_CLKEN0_LDMAXBAR);
    LDMA->EN = LDMA_EN_EN;
    LDMA->CTRL = 0; /* all channels take turns */
    reg_clear(&LDMA->IF, 1u << CHANNEL | LDMA_IF_ERROR);
    LDMA->IEN = 1u << CHANNEL | LDMA_IEN_ERROR;
    __asm volatile("dsb" ::: "memory"); /* the descriptors are there */
    start_channel(CHANNEL, request, circle);
    interrupt_enable(LDMA_IRQn);
}

/* channels: one bit each */
static void stop_channels(uint32_t channels) {
    LDMA->CHDIS = channels;
    reg_wait(&LDMA->CHBUSY, channels, 0);
    LDMA->IEN = 0;
}

/* So that even a lost interrupt does not delay a block. */
static void update(void) {
    const uint32_t interrupts = interrupts_off();
    count_blocks();
    interrupts_restore(interrupts);
}

#endif
