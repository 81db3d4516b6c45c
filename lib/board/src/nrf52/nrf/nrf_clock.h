/* The part of nrfx's nrf_clock.h that TinyUSB's driver calls. The driver stops the crystal when
 * the host goes; microphone and time need it, so stopping does nothing here. */
#ifndef OTOLITH_NRF_CLOCK_H
#define OTOLITH_NRF_CLOCK_H

#include <stdbool.h>

#include <nrf.h> /* not the one beside this file, if Nordic's is used */

typedef enum { NRF_CLOCK_HFCLK_HIGH_ACCURACY } nrf_clock_hfclk_t;
typedef enum { NRF_CLOCK_EVENT_HFCLKSTARTED } nrf_clock_event_t;
typedef enum { NRF_CLOCK_TASK_HFCLKSTART, NRF_CLOCK_TASK_HFCLKSTOP } nrf_clock_task_t;

static inline bool nrf_clock_hf_is_running(const NRF_CLOCK_Type *clock, nrf_clock_hfclk_t source) {
    (void)source;
    const uint32_t crystal = CLOCK_HFCLKSTAT_STATE_Msk | CLOCK_HFCLKSTAT_SRC_Msk;
    return (clock->HFCLKSTAT & crystal) == crystal;
}

static inline void nrf_clock_event_clear(NRF_CLOCK_Type *clock, nrf_clock_event_t event) {
    (void)event;
    clock->EVENTS_HFCLKSTARTED = 0;
}

static inline void nrf_clock_task_trigger(NRF_CLOCK_Type *clock, nrf_clock_task_t task) {
    if (task == NRF_CLOCK_TASK_HFCLKSTART) {
        clock->TASKS_HFCLKSTART = 1;
    }
}

#endif
