/* The chip's registers, from Silicon Labs' headers if GECKO_SDK_PATH is set, else from efr32mg24.h.
 * Both use the names of the EFR32xG24 Reference Manual.
 *
 * Every peripheral's registers appear again 0x1000 and 0x2000 bytes higher; ones written there
 * set or clear bits (chapter Memory and Bus System). */
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
