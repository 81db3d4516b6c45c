/* When a network may rest behind a closed gate (listen_rest). */
#ifndef OTOLITH_REST_H
#define OTOLITH_REST_H

#include "listen.h"

typedef struct {
    bool allowed;
    uint32_t full_us; /* the longest full pass so far */
} rest_t;

/* After a rest comes a full pass. A network that keeps rows may keep up only because of them. */
static inline bool rest_may(const rest_t *r, const nn_info_t *info, bool timed) {
    if (!r->allowed || info->stateful) {
        return false;
    }
    const uint32_t rate = listen_config.features->sample_rate;
    const uint64_t hop_us = (uint64_t)listen_config.hop * 1000000 / rate;
    return info->hop_rows == 0 || !timed || (r->full_us > 0 && 2u * r->full_us <= hop_us);
}

/* The network has run. full: not with kept rows. */
static inline void rest_ran(rest_t *r, bool full, uint32_t us) {
    if (full && us > r->full_us) {
        r->full_us = us;
    }
}

#endif
