/* What differs between RP2040 and RP2350 with Arm cores, as the drivers of this folder see it.
 * Pico-sdk hides the rest: addresses, reset, isolation of pads. */
#ifndef OTOLITH_RP2040_CHIP_H
#define OTOLITH_RP2040_CHIP_H

#if PICO_RP2350
#include "hardware/regs/m33.h"
#define SYSTICK_ON                                                                                 \
    (M33_SYST_CSR_CLKSOURCE_BITS | M33_SYST_CSR_TICKINT_BITS | M33_SYST_CSR_ENABLE_BITS)
#define SYSTICK_PENDING M33_ICSR_PENDSTSET_BITS
#else
#include "hardware/regs/m0plus.h"
#define SYSTICK_ON                                                                                 \
    (M0PLUS_SYST_CSR_CLKSOURCE_BITS | M0PLUS_SYST_CSR_TICKINT_BITS | M0PLUS_SYST_CSR_ENABLE_BITS)
#define SYSTICK_PENDING M0PLUS_ICSR_PENDSTSET_BITS
#endif

#endif
