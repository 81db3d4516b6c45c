#include "detect.h"

#include <string.h>

int detect_init(detect_t *d, const detect_config_t *config) {
    if (config->labels < 1 || config->labels > DETECT_MAX_LABELS || config->smoothing < 1 ||
        config->smoothing > DETECT_MAX_SMOOTHING || config->minimum_count < 1 ||
        config->minimum_count > config->smoothing) {
        return -1;
    }
    d->config = config;
    detect_reset(d);
    return 0;
}

void detect_reset(detect_t *d) {
    const detect_config_t *config = d->config;
    memset(d, 0, sizeof *d);
    d->config = config;
}

uint16_t detect_level(const int16_t *pcm, uint32_t samples) {
    uint32_t sum = 0; /* 32768 * 65536 samples still fit */
    for (uint32_t i = 0; i < samples; i++) {
        sum += (uint32_t)(pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i]);
    }
    return (uint16_t)(samples == 0 ? 0 : sum / samples);
}

/* Replace the oldest scores by `scores` (0 where the gate is closed) and average what is there. */
static void smooth(detect_t *d, const uint16_t *scores, bool open) {
    const detect_config_t *c = d->config;
    uint16_t *slot = d->history[d->next];
    if (d->count < c->smoothing) {
        d->count++;
    }
    for (uint32_t i = 0; i < c->labels; i++) {
        const uint16_t score = open ? scores[i] : 0;
        d->sum[i] += (uint32_t)score - slot[i];
        slot[i] = score;
        d->smoothed[i] = (uint16_t)(d->sum[i] / d->count);
    }
    d->next = (uint16_t)(d->next + 1 == c->smoothing ? 0 : d->next + 1);
}

bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, detect_event_t *event) {
    const detect_config_t *c = d->config;
    smooth(d, scores, level >= c->gate);
    if (d->suppressed > 0) {
        d->suppressed--;
        return false;
    }
    if (d->count < c->minimum_count) {
        return false;
    }
    bool found = false;
    for (uint32_t i = 0; i < c->labels; i++) {
        if (c->threshold[i] > 0 && d->smoothed[i] >= c->threshold[i] &&
            (!found || d->smoothed[i] > event->score)) {
            found = true;
            event->label = (uint16_t)i;
            event->score = d->smoothed[i];
        }
    }
    if (found) {
        d->suppressed = c->suppression;
    }
    return found;
}
