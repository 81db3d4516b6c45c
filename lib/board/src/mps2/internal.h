/* What the files of this folder tell each other. */
#ifndef OTOLITH_MPS2_INTERNAL_H
#define OTOLITH_MPS2_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

void console_init(void);
bool console_pending(void);
/* Times that bytes were lost because none was taken for too long; for a debugger. */
uint32_t console_overruns(void);

void isr_uart(void);

#endif
