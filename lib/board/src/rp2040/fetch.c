/* Fetching constants past the cache of flash, for lib/nn (nn_fetch.h).
 *
 * Through the cache a word takes a transfer of its own, about 48 cycles with the settings of Pico's
 * boot stage 2. The serial interface itself reads many words in one transfer, 16 cycles each
 * (RP2040 datasheet 4.10). DMA takes them from its FIFO while the core computes.
 *
 * Until the last word is there, nobody may read flash: all interrupts are held back but the one
 * that ends the fetch, whose handler lies in RAM like everything that runs meanwhile. SysTick's
 * handler lies in RAM too. The longest fetch holds them back for 16 cycles a word, 0.26 ms for
 * 8 kB. */
#if PICO_RP2040 && __has_include("nn_fetch.h") /* apps without a network have no lib/nn */

#include "nn_fetch.h"

#include "hardware/dma.h"
#include "hardware/irq.h"
#include "hardware/structs/nvic.h"
#include "hardware/structs/ssi.h"

enum {
    TESTED = 32,       /* words that the first fetch is compared with */
    PATIENCE = 20,     /* turns of the waiting loop a word; a word takes 16 cycles */
    MODE_BITS = 0xa0,  /* after an address: the flash chip keeps waiting for an address */
    RAM = 0x20000000u, /* first address */
    INTERRUPT = DMA_IRQ_1,
};

/* What SPI_CTRLR0 and CTRLR0 say of reads that need no instruction and take the mode bits as the
 * lowest eight of 32 bits of address: quad I/O as boot stage 2 of most chips leaves it. */
#define FORMAT (SSI_SPI_CTRLR0_ADDR_L_BITS | SSI_SPI_CTRLR0_INST_L_BITS)
#define QUAD_ADDRESS (8u << SSI_SPI_CTRLR0_ADDR_L_LSB)
#define FRAME (SSI_CTRLR0_SPI_FRF_BITS | SSI_CTRLR0_DFS_32_BITS | SSI_CTRLR0_TMOD_BITS)
#define QUAD_WORDS                                                                                 \
    (SSI_CTRLR0_SPI_FRF_VALUE_QUAD << SSI_CTRLR0_SPI_FRF_LSB | 31u << SSI_CTRLR0_DFS_32_LSB |      \
     SSI_CTRLR0_TMOD_VALUE_EEPROM_READ << SSI_CTRLR0_TMOD_LSB)

static enum { UNKNOWN, ABLE, UNABLE } state;
static uint channel;
static volatile bool busy;
static bool failed;
static uint32_t held, errors; /* interrupts that are held back */
static uint32_t *target;
static const uint32_t *source;
static uint32_t count;

/* Gives the serial interface back to the cache. */
static void __not_in_flash_func(release)(void) {
    failed = (ssi_hw->risr & SSI_RISR_RXOIR_BITS) != 0 || dma_hw->ch[channel].transfer_count != 0 ||
             (dma_hw->ch[channel].ctrl_trig & DMA_CH0_CTRL_TRIG_AHB_ERROR_BITS) != 0;
    while (ssi_hw->sr & SSI_SR_BUSY_BITS) {
        /* a few clocks, until the chip is deselected; without DMA's words it ends too */
    }
    ssi_hw->ssienr = 0;
    ssi_hw->ctrlr1 = 0;
    ssi_hw->dmacr = 0;
    ssi_hw->ssienr = 1;
    (void)ssi_hw->icr;
    busy = false;
    nvic_hw->icer = 1u << INTERRUPT;
    nvic_hw->iser = held;
}

static void __not_in_flash_func(fetched)(void) {
    dma_hw->ints1 = 1u << channel;
    if (busy) {
        release();
    }
}

static void __not_in_flash_func(copy)(void) {
    for (uint32_t i = 0; i < count; i++) {
        target[i] = ((const volatile uint32_t *)source)[i];
    }
}

/* Whether the first words come as the cache reads them. */
static bool __no_inline_not_in_flash_func(works)(void) {
    static uint32_t words[TESTED];
    const uint32_t *const from = (const uint32_t *)(uintptr_t)XIP_BASE;
    nn_fetch_start(words, from, TESTED);
    nn_fetch_wait();
    for (uint32_t i = 0; i < TESTED; i++) {
        if (words[i] != ((const volatile uint32_t *)from)[i]) {
            return false;
        }
    }
    return errors == 0;
}

static void prepare(void) {
    const int found = dma_claim_unused_channel(false);
    state = UNABLE;
    if (found < 0 || (ssi_hw->spi_ctrlr0 & FORMAT) != QUAD_ADDRESS ||
        (ssi_hw->ctrlr0 & FRAME) != QUAD_WORDS || irq_get_exclusive_handler(INTERRUPT)) {
        return;
    }
    channel = (uint)found;
    irq_set_exclusive_handler(INTERRUPT, fetched);
    state = ABLE;
    if (!works()) {
        state = UNABLE;
    }
}

bool __not_in_flash_func(nn_fetch_able)(const void *read) {
    /* Code that was linked to flash can't run during a fetch. */
    if ((uintptr_t)__builtin_return_address(0) < RAM || (uintptr_t)read < RAM) {
        return false;
    }
    if (state == UNKNOWN) {
        prepare();
    }
    return state == ABLE;
}

void __not_in_flash_func(nn_fetch_start)(void *to, const void *from, uint32_t words) {
    target = to;
    source = from;
    count = words;
    if (state != ABLE || (uintptr_t)from >= RAM) {
        failed = false;
        copy();
        return;
    }
    held = nvic_hw->iser;
    nvic_hw->icer = ~0u;
    __compiler_memory_barrier();
    busy = true;
    ssi_hw->ssienr = 0; /* the size of a transfer can only be set so */
    ssi_hw->ctrlr1 = words - 1;
    ssi_hw->dmacr = SSI_DMACR_RDMAE_BITS;
    ssi_hw->ssienr = 1;
    dma_channel_hw_t *const dma = &dma_hw->ch[channel];
    dma->read_addr = (uintptr_t)&ssi_hw->dr0;
    dma->write_addr = (uintptr_t)to;
    dma->transfer_count = words;
    dma_hw->ints1 = 1u << channel;
    hw_set_bits(&dma_hw->inte1, 1u << channel);
    nvic_hw->icpr = 1u << INTERRUPT;
    nvic_hw->iser = 1u << INTERRUPT;
    /* Words come with their first byte on top. */
    dma->ctrl_trig = DMA_CH0_CTRL_TRIG_BSWAP_BITS | DMA_CH0_CTRL_TRIG_INCR_WRITE_BITS |
                     (uint32_t)DREQ_XIP_SSIRX << DMA_CH0_CTRL_TRIG_TREQ_SEL_LSB |
                     channel << DMA_CH0_CTRL_TRIG_CHAIN_TO_LSB |
                     DMA_CH0_CTRL_TRIG_DATA_SIZE_VALUE_SIZE_WORD
                         << DMA_CH0_CTRL_TRIG_DATA_SIZE_LSB |
                     DMA_CH0_CTRL_TRIG_EN_BITS;
    ssi_hw->dr0 = ((uintptr_t)from & 0xffffffu) << 8 | MODE_BITS;
}

void __not_in_flash_func(nn_fetch_wait)(void) {
    for (uint32_t left = PATIENCE * (count + TESTED); busy && left; left--) {
    }
    if (busy) { /* interrupts are off, or DMA does not get its words */
        nvic_hw->icer = 1u << INTERRUPT;
        const bool late = (dma_hw->ch[channel].ctrl_trig & DMA_CH0_CTRL_TRIG_BUSY_BITS) != 0;
        if (late) {
            dma_hw->abort = 1u << channel;
        }
        dma_hw->ints1 = 1u << channel;
        release();
        failed = failed || late;
    }
    if (failed) {
        failed = false;
        errors++;
        copy();
    }
}

uint32_t nn_fetch_errors(void) {
    return errors;
}

#endif
