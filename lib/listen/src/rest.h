/* When networks and front end may rest behind closed gates (listen_rest). */
#ifndef OTOLITH_REST_H
#define OTOLITH_REST_H

#include "listen.h"

typedef struct {
    bool allowed;
    uint32_t full_us; /* the longest full pass so far */
} rest_t;

static inline uint32_t rest_hop_us(void) {
    const uint32_t rate = listen_config.features->sample_rate;
    return (uint32_t)((uint64_t)listen_config.hop * 1000000 / rate);
}

/* After a rest comes a full pass. A network that keeps rows may keep up only because of them. */
static inline bool rest_may(const rest_t *r, const nn_info_t *info, bool timed) {
    if (!r->allowed || info->stateful) {
        return false;
    }
    return info->hop_rows == 0 || !timed || (r->full_us > 0 && 2u * r->full_us <= rest_hop_us());
}

/* Remember the longest of some times. */
static inline void rest_took(uint32_t *longest, uint32_t us) {
    *longest = us > *longest ? us : *longest;
}

/* The network has run. full: not with kept rows. */
static inline void rest_ran(rest_t *r, bool full, uint32_t us) {
    if (full) {
        rest_took(&r->full_us, us);
    }
}

/* Whether the frames that listen_config.past may hold back can be computed in time. frame_us: the
 * longest frame so far; 0: not known. The network keeps up, so it takes a hop at most. */
static inline bool rest_catches_up(uint32_t frame_us, bool timed) {
    const uint32_t frames = listen_config.past_size / listen_config.features->hop;
    const uint64_t late_us = (uint64_t)frames * frame_us + rest_hop_us();
    return !timed || (frame_us > 0 && late_us <= 1000u * LISTEN_LATE_MS);
}

#endif
