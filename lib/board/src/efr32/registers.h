/* The chip's registers: Silicon Labs' headers when the build is given their SDK (GECKO_SDK_PATH),
 * else the few of them that are used here. Both have the names of the EFR32xG24 Reference Manual.
 *
 * Set and clear: every peripheral's registers are there again 0x1000 and 0x2000 bytes on, where
 * ones that are written set or clear bits (chapter Memory and Bus System). */
#ifndef OTOLITH_EFR32_REGISTERS_H
#define OTOLITH_EFR32_REGISTERS_H

#include "../cortex_m/core.h"

#ifdef BOARD_VENDOR_HEADER
#include BOARD_VENDOR_HEADER
#else
#include "efr32mg24.h"
#endif

static inline void reg_set(reg_t *at, uint32_t bits) {
    at[0x1000 / sizeof *at] = bits;
}

static inline void reg_clear(reg_t *at, uint32_t bits) {
    at[0x2000 / sizeof *at] = bits;
}

static inline void reg_wait(const reg_t *at, uint32_t bits, uint32_t value) {
    while ((*at & bits) != value) {
    }
}

#endif
