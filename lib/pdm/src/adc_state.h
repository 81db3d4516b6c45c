/* State of an ADC stream, for adc_stream.h alone. */
#ifndef OTOLITH_ADC_STATE_H
#define OTOLITH_ADC_STATE_H

#include <stdbool.h>

#include "pdm_state.h"

struct adc {
    pdm_tail_t tail;
    uint16_t before[2]; /* the last two counts, the older one first */
    bool started;
};

#endif
