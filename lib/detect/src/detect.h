/* Scores -> events: energy gate, moving average, threshold per class, majority vote, suppression.
 *
 * A hop goes through them in that order. What has been heard and decided is kept apart from the
 * settings: after a change the next hop looks back at the same history with the new settings, so an
 * average over more hops counts scores from before the change, and votes already given stay. */
#ifndef OTOLITH_DETECT_H
#define OTOLITH_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DETECT_MAX_LABELS = 32,
    DETECT_MAX_HISTORY = 32, /* hops looked back at: smoothing and vote */
    DETECT_MAX_DELAY = 31,
    DETECT_ONE = 32767,
};

/* What a hop may be decided to be, beside the index of a label. */
enum {
    DETECT_UNKNOWN = -1, /* something was heard, no class reached its threshold */
    DETECT_NONE = -2,    /* nothing decided: gate closed, too few scores, or no majority */
};

/* Settings; `host compile` writes those of a model from its metadata. Scores are Q15, 0..32767.
 * The names in specs and on the wire, and the ranges: detect_settings.c. */
typedef struct {
    uint16_t labels;
    uint16_t gate;          /* mean |pcm| of the hop that triggers; 0 = the level does not matter */
    uint16_t gate_activity; /* 1: the front end's activity detection triggers (with `gate`: both) */
    uint16_t gate_delay;    /* hops from a trigger to the opening it causes */
    uint16_t gate_backoff;  /* hops it then stays open beyond the first */
    uint16_t smoothing;     /* scores averaged; those of a closed gate count as 0 */
    uint16_t minimum_count; /* scores needed since reset before any decision, <= smoothing */
    uint16_t suppression;   /* hops without a new event after one */
    uint16_t vote;          /* decisions of which more than half must agree; 0, 1 = the newest */
    uint16_t unknown_events;               /* 1: unknown makes events as well */
    uint16_t tells_activity;               /* 1: the front end detects activity; not a setting */
    uint16_t threshold[DETECT_MAX_LABELS]; /* Q15; 0 = label is never decided for (background) */
} detect_config_t;

typedef struct {
    const detect_config_t *model; /* as linked in */
    detect_config_t config;       /* in force */
    /* One slot a hop, the oldest overwritten: */
    uint16_t history[DETECT_MAX_HISTORY][DETECT_MAX_LABELS];
    int8_t decisions[DETECT_MAX_HISTORY]; /* before the vote */
    uint16_t next, count;                 /* slot of the next hop; hops there are, saturating */
    uint32_t sum[DETECT_MAX_LABELS];      /* of the newest `smoothing` */
    uint16_t smoothed[DETECT_MAX_LABELS];
    uint32_t triggers;      /* of the gate, newest in bit 0 */
    uint32_t since_opening; /* hops since these, saturating */
    uint32_t since_event, since_unknown;
    int8_t decision; /* of the newest hop, after the vote */
} detect_t;

typedef struct {
    int16_t label; /* or DETECT_UNKNOWN */
    /* smoothed, Q15; of unknown the highest of a class that has a threshold */
    uint16_t score;
} detect_event_t;

/* 0, or negative if the settings are out of range. */
int detect_init(detect_t *d, const detect_config_t *config);

/* Forget what was heard; the settings in force stay. */
void detect_reset(detect_t *d);

/* New settings from the next hop on; the same labels. NULL, or why nothing has changed. */
const char *detect_apply(detect_t *d, const detect_config_t *config);

/* Sum of |sample| over up to 65,536 samples. */
uint32_t detect_loudness(const int16_t *pcm, uint32_t samples);

/* A hop's level: the mean of |sample|, rounded down; 0 for no samples. */
uint16_t detect_level(const int16_t *pcm, uint32_t samples);

/* One hop: config.labels scores (Q15), the hop's level, whether the front end heard activity in it.
 * True and *event filled on a detection. The strongest label over its threshold wins; ties go to
 * the lower index. An event of unknown holds back only further ones of unknown. */
bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, bool active,
                 detect_event_t *event);

#ifdef __cplusplus
}
#endif
#endif
