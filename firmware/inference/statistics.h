/* What the app has done in the last second. */
#ifndef OTOLITH_STATISTICS_H
#define OTOLITH_STATISTICS_H

#include <stdint.h>

#include "listen.h"

/* Events of the running second. */
void statistics_hop(const listen_result_t *results); /* LISTEN_MODELS of them */
void statistics_pdm(uint32_t us);                    /* time to decimate a microphone block */

/* statistics_take ends a second at the stream's time t_ms. statistics_send sends the figures of
 * the last one that has ended; sending them again repeats them. */
void statistics_take(uint32_t t_ms);
void statistics_send(void);

#endif
