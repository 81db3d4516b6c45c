/* Which of the USB device's errata TinyUSB's driver works around. nRF52840 errata, revisions 1 to
 * 3: [171] USBD might not power up, [187] cannot be enabled, are of all revisions; [166] ISO double
 * buffer not functional, likewise. */
#ifndef OTOLITH_NRFX_USBD_ERRATA_H
#define OTOLITH_NRFX_USBD_ERRATA_H

#include <stdbool.h>

static inline bool nrfx_usbd_errata_166(void) {
    return true;
}

static inline bool nrfx_usbd_errata_171(void) {
    return true;
}

static inline bool nrfx_usbd_errata_187(void) {
    return true;
}

#endif
