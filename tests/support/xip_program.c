/* A bare program for the virtual Pico: it sets up flash as boot2 does, then reads the cache's
 * counters and SysTick around accesses, and sends what it found over the UART. It runs from RAM. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define XIP_CTRL 0x14000000
#define FLUSH REG(XIP_CTRL + 0x04)
#define STAT REG(XIP_CTRL + 0x08)
#define HIT REG(XIP_CTRL + 0x0c)
#define ACC REG(XIP_CTRL + 0x10)
#define STREAM_ADDR REG(XIP_CTRL + 0x14)
#define STREAM_CTR REG(XIP_CTRL + 0x18)
#define STREAM_FIFO REG(XIP_CTRL + 0x1c)
#define STREAM_AUX REG(0x50400000)
#define SSI 0x18000000
#define DMA 0x50000000
#define TIME REG(0xe000e018)
#define DATA 0x10010000
#define WAY 8192 /* addresses this far apart share a set */
#define WORDS 64

static uint32_t buffer[WORDS];

static void put(char c) {
    REG(0x40034000) = (uint32_t)c;
}

static void say(const char *name, uint32_t a, uint32_t b) {
    const uint32_t values[2] = {a, b};
    while (*name) {
        put(*name++);
    }
    for (int i = 0; i < 2; i++) {
        put(' ');
        for (int shift = 28; shift >= 0; shift -= 4) {
            put("0123456789abcdef"[(values[i] >> shift) & 15]);
        }
    }
    put('\n');
}

static void fresh(void) {
    FLUSH = 1;
    (void)FLUSH;
    HIT = 1;
    ACC = 1;
}

static void counters(const char *name) {
    say(name, ACC, HIT);
}

static uint32_t timed(uint32_t address) {
    const uint32_t start = TIME;
    (void)REG(address);
    return (start - TIME) & 0xffffff;
}

/* Gives the serial interface to DMA, for `words` words, or with 0 back to the cache. */
static void bulk(uint32_t words, uint32_t requests) {
    REG(SSI + 0x08) = 0;
    REG(SSI + 0x04) = words ? words - 1 : 0;
    REG(SSI + 0x4c) = requests;
    REG(SSI + 0x08) = 1;
}

/* Cycles of a DMA copy of WORDS words to the buffer, and whether it is right. */
static void copy(const char *name, uint32_t from, uint32_t increment, uint32_t request) {
    for (int i = 0; i < WORDS; i++) {
        buffer[i] = 0;
    }
    REG(DMA + 0x00) = from;
    REG(DMA + 0x04) = (uint32_t)buffer;
    REG(DMA + 0x08) = WORDS;
    const uint32_t swap = request == 39 ? 1 << 22 : 0;
    const uint32_t start = TIME;
    REG(DMA + 0x0c) = swap | request << 15 | 1 << 5 | increment << 4 | 2 << 2 | 1;
    if (request == 37) {
        STREAM_CTR = WORDS;
    }
    if (request == 39) { /* the address; the lowest byte has the mode bits */
        REG(SSI + 0x60) = (DATA & 0xffffff) << 8 | 0xa0;
    }
    while (REG(DMA + 0x0c) & 1 << 24) {
    }
    const uint32_t cycles = (start - TIME) & 0xffffff;
    bulk(0, 0);
    uint32_t wrong = 0;
    for (int i = 0; i < WORDS; i++) {
        wrong += buffer[i] != REG(0x12000000 + (DATA & 0xffffff) + 4 * (uint32_t)i);
    }
    say(name, cycles, wrong);
}

extern void in_flash(void);

static uint32_t called(void) {
    const uint32_t start = TIME;
    in_flash();
    return (start - TIME) & 0xffffff;
}

static void set_up(void) { /* the registers that boot2_w25q080 writes, in its order */
    REG(SSI + 0x08) = 0;
    REG(SSI + 0x14) = 2;
    REG(SSI + 0x00) = 2 << 21 | 31 << 16 | 3 << 8;
    REG(SSI + 0x04) = 0;
    REG(SSI + 0xf4) = 0xa0000000 | 4 << 11 | 8 << 2 | 2;
    REG(SSI + 0x08) = 1;
    REG(0xe000e014) = 0xffffff;
    REG(0xe000e010) = 5;
}

__attribute__((section(".first"))) void run(void) {
    set_up();
    fresh(); /* pico-examples' flash/cache_perfctr expects 1 0, then 2 1, then a miss */
    (void)REG(DATA);
    counters("first");
    (void)REG(DATA);
    counters("again");
    REG(DATA) = 0;
    (void)REG(DATA);
    counters("invalidated");
    fresh();
    (void)REG(DATA);
    (void)REG(DATA + 4); /* the line's other word has its own valid bit */
    (void)REG(DATA + 4);
    counters("halves");
    fresh();
    (void)REG(DATA);
    (void)REG(DATA + WAY);
    (void)REG(DATA);
    (void)REG(DATA + 2 * WAY);
    (void)REG(DATA);
    (void)REG(DATA + WAY);
    counters("ways");
    fresh();
    (void)REG(DATA);
    (void)REG(DATA + 0x2000000); /* not cached */
    (void)REG(DATA + 0x1000008); /* cached, but not allocated */
    (void)REG(DATA + 8);
    counters("aliases");
    fresh();
    const uint32_t missed = timed(DATA), hit = timed(DATA);
    say("load", missed, hit);
    fresh();
    const uint32_t cold = called(), warm = called();
    say("code", cold, warm);
    counters("fetches");
    fresh();
    copy("dma", DATA, 1, 63);
    copy("cached", DATA, 1, 63);
    STREAM_ADDR = DATA;
    copy("stream", XIP_CTRL + 0x1c, 0, 37);
    STREAM_ADDR = DATA;
    copy("aux", 0x50400000, 0, 37);
    bulk(WORDS, 1);
    copy("bulk", SSI + 0x60, 0, 39);
    bulk(WORDS, 1); /* nobody takes the words: the FIFO runs over */
    REG(SSI + 0x60) = (DATA & 0xffffff) << 8 | 0xa0;
    while (REG(SSI + 0x28) & 1) {
    }
    const uint32_t level = REG(SSI + 0x24), over = REG(SSI + 0x34);
    bulk(0, 0);
    say("overflow", level, over);
    STREAM_ADDR = DATA;
    STREAM_CTR = 4;
    while (!(STAT & 4)) {
    }
    const uint32_t left = STREAM_CTR, next = STREAM_ADDR;
    say("full", left, next);
    uint32_t wrong = 0, count = 0;
    for (; count < 4; count++) {
        while (STAT & 2) {
        }
        wrong += STREAM_FIFO != REG(0x12000000 + (DATA & 0xffffff) + 4 * count);
    }
    say("words", STREAM_CTR, wrong);
    STREAM_ADDR = DATA;
    STREAM_CTR = 1000;
    fresh();
    const uint32_t busy = timed(DATA + 0x8000);
    STREAM_CTR = 0;
    say("shared", busy > missed, busy <= 2 * missed);
    say("end", 0, 0);
    for (const uint32_t start = TIME; ((start - TIME) & 0xffffff) < 250000;) { /* 2 ms */
    }
    bulk(WORDS, 1);
    REG(SSI + 0x60) = 0xa0;
    (void)REG(DATA); /* what a chip does then is not defined */
    for (;;) {
    }
}

/* At 0x10000000, where the chip starts after boot2: copies the program to RAM. */
__attribute__((naked, section(".boot"))) void boot(void) {
    __asm volatile(
        ".syntax unified\n"
        "ldr r0, =0x20040000\n mov sp, r0\n"
        "ldr r0, =0x10000400\n ldr r1, =0x20000000\n ldr r2, =0x20002000\n"
        "1: ldr r3, [r0]\n str r3, [r1]\n adds r0, #4\n adds r1, #4\n cmp r1, r2\n bne 1b\n"
        "ldr r0, =run\n bx r0\n .ltorg\n"
        ".balign 8\n .global in_flash\n .thumb_func\n in_flash:\n"
        ".rept 31\n nop\n .endr\n bx lr\n");
}
