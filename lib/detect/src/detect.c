#include "detect.h"

#include <stddef.h>
#include <string.h>

#include "detect_settings.h"

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static void count_hop(uint32_t *since) {
    if (*since < UINT32_MAX) {
        ++*since;
    }
}

/* The slot `back` hops before the next one, 1..DETECT_MAX_HISTORY. */
static uint32_t slot(const detect_t *d, uint32_t back) {
    return (d->next + DETECT_MAX_HISTORY - back) % DETECT_MAX_HISTORY;
}

int detect_init(detect_t *d, const detect_config_t *config) {
    if (detect_check(config) != NULL) {
        return -1;
    }
    d->model = config;
    d->config = *config;
    detect_reset(d);
    return 0;
}

void detect_reset(detect_t *d) {
    memset(d->history, 0, sizeof d->history);
    memset(d->decisions, DETECT_NONE, sizeof d->decisions);
    memset(d->sum, 0, sizeof d->sum);
    memset(d->smoothed, 0, sizeof d->smoothed);
    d->next = d->count = 0;
    d->triggers = 0;
    d->since_opening = d->since_event = d->since_unknown = UINT32_MAX;
    d->decision = DETECT_NONE;
}

const char *detect_apply(detect_t *d, const detect_config_t *config) {
    const char *reason = detect_check(config);
    if (reason != NULL || config->labels != d->config.labels) {
        return reason != NULL ? reason : "other labels";
    }
    d->config = *config;
    memset(d->sum, 0, sizeof d->sum);
    for (uint32_t back = 1; back <= config->smoothing; back++) { /* slots never used hold 0 */
        const uint16_t *scores = d->history[slot(d, back)];
        for (uint32_t i = 0; i < config->labels; i++) {
            d->sum[i] += scores[i];
        }
    }
    return NULL;
}

uint32_t detect_loudness(const int16_t *pcm, uint32_t samples) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < samples; i++) {
        sum += (uint32_t)(pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i]);
    }
    return sum;
}

uint16_t detect_level(const int16_t *pcm, uint32_t samples) {
    return (uint16_t)(samples == 0 ? 0 : detect_loudness(pcm, samples) / samples);
}

/* What the gate remembers of the hops so far. */
typedef struct {
    uint32_t triggers, since_opening;
    bool open; /* this hop's scores count */
} gate_t;

static gate_t gate(const detect_t *d, uint16_t level, bool active) {
    const detect_config_t *c = &d->config;
    const bool gated = c->gate > 0 || c->gate_activity;
    const bool trigger = gated && level >= c->gate && (active || !c->gate_activity);
    gate_t g = {d->triggers << 1 | trigger, d->since_opening, false};
    count_hop(&g.since_opening);
    if (g.triggers >> c->gate_delay & 1) {
        g.since_opening = 0;
    }
    g.open = !gated || g.since_opening <= c->gate_backoff;
    return g;
}

bool detect_open(const detect_t *d, uint16_t level, bool active) {
    return gate(d, level, active).open;
}

/* Store this hop's scores, or zeros, and update the averages. */
static void smooth(detect_t *d, const uint16_t *scores, bool open) {
    const detect_config_t *c = &d->config;
    const uint16_t *leaving = d->history[slot(d, c->smoothing)];
    uint16_t *newest = d->history[d->next];
    if (d->count < DETECT_MAX_HISTORY) {
        d->count++;
    }
    for (uint32_t i = 0; i < c->labels; i++) {
        const uint16_t score = open ? scores[i] : 0;
        d->sum[i] += (uint32_t)score - leaving[i]; /* which may be the newest's slot */
        newest[i] = score;
        d->smoothed[i] = (uint16_t)(d->sum[i] / smaller(d->count, c->smoothing));
    }
}

/* The strongest label with a threshold, or -1. reached: only labels that reach theirs count. */
static int32_t strongest(const detect_t *d, bool reached) {
    const detect_config_t *c = &d->config;
    int32_t best = -1;
    for (uint32_t i = 0; i < c->labels; i++) {
        if (c->threshold[i] > 0 && (!reached || d->smoothed[i] >= c->threshold[i]) &&
            (best < 0 || d->smoothed[i] > d->smoothed[best])) {
            best = (int32_t)i;
        }
    }
    return best;
}

static int8_t decide(const detect_t *d, bool open) {
    if (d->count < d->config.minimum_count) {
        return DETECT_NONE;
    }
    const int32_t label = strongest(d, true);
    return (int8_t)(label >= 0 ? label : open ? DETECT_UNKNOWN : DETECT_NONE);
}

/* The decision of more than half of the last hops. Hops before the first one decide nothing. */
static int8_t vote(const detect_t *d) {
    uint8_t votes[DETECT_MAX_LABELS - DETECT_NONE] = {0};
    const uint32_t voters = d->config.vote > 1 ? d->config.vote : 1;
    for (uint32_t back = 1; back <= voters; back++) {
        const int8_t decision = d->decisions[slot(d, back)];
        if (++votes[decision - DETECT_NONE] > voters / 2) {
            return decision;
        }
    }
    return DETECT_NONE;
}

static bool tell(detect_t *d, detect_event_t *event) {
    const detect_config_t *c = &d->config;
    count_hop(&d->since_event);
    count_hop(&d->since_unknown);
    if (d->since_event <= c->suppression) {
        return false;
    }
    if (d->decision >= 0) {
        d->since_event = 0;
        *event = (detect_event_t){d->decision, d->smoothed[d->decision]};
        return true;
    }
    if (d->decision == DETECT_UNKNOWN && c->unknown_events && d->since_unknown > c->suppression) {
        const int32_t nearest = strongest(d, false);
        d->since_unknown = 0;
        *event = (detect_event_t){DETECT_UNKNOWN, nearest < 0 ? 0 : d->smoothed[nearest]};
        return true;
    }
    return false;
}

bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, bool active,
                 detect_event_t *event) {
    const gate_t g = gate(d, level, active);
    d->triggers = g.triggers;
    d->since_opening = g.since_opening;
    smooth(d, scores, g.open);
    d->decisions[d->next] = decide(d, g.open);
    d->next = (uint16_t)((d->next + 1) % DETECT_MAX_HISTORY);
    d->decision = vote(d);
    return tell(d, event);
}
