/* The decision layer: scores -> events.
 *
 * Each hop passes the energy gate, the moving average, a threshold for each class, a majority vote
 * and the suppression, in that order. The history is kept apart from the settings: after a change
 * the next hop applies the new settings to the same history. A longer average then counts scores
 * from before the change; votes already cast stay.
 *
 * No function allocates or keeps anything outside its detect_t. */
#ifndef OTOLITH_DETECT_H
#define OTOLITH_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DETECT_MAX_LABELS = 32,
    DETECT_MAX_HISTORY = 32, /* hops that smoothing and vote can look back */
    DETECT_MAX_DELAY = 31,
    DETECT_ONE = 32767,
};

/* A hop's decision if it is not the index of a label. */
enum {
    DETECT_UNKNOWN = -1, /* the gate was open, but no class reached its threshold */
    DETECT_NONE = -2,    /* no decision: gate closed, too few scores, or no majority */
};

/* Settings. `host compile` writes a model's from its metadata. Scores are Q15, 0 to 32767. Names
 * and ranges are in detect_settings.c. */
typedef struct {
    uint16_t labels;
    uint16_t gate;           /* level that triggers, mean |sample|; 0: every level does */
    uint16_t gate_activity;  /* 1: the front end must also have heard activity */
    uint16_t gate_delay;     /* hops from a trigger to the opening */
    uint16_t gate_backoff;   /* hops it stays open after the first */
    uint16_t smoothing;      /* scores averaged; while the gate is closed they are 0 */
    uint16_t minimum_count;  /* scores since the reset before any decision, <= smoothing */
    uint16_t suppression;    /* hops after an event without another */
    uint16_t vote;           /* decisions of which more than half must agree; 0, 1: the newest */
    uint16_t unknown_events; /* 1: unknown makes events, too */
    uint16_t tells_activity; /* 1: the front end detects activity; no setting */
    uint16_t threshold[DETECT_MAX_LABELS]; /* Q15; 0: never decided for (background) */
} detect_config_t;

typedef struct {
    const detect_config_t *model; /* as linked in */
    detect_config_t config;       /* in force */
    /* A slot for each hop; the oldest is overwritten. */
    uint16_t history[DETECT_MAX_HISTORY][DETECT_MAX_LABELS];
    int8_t decisions[DETECT_MAX_HISTORY]; /* before the vote */
    uint16_t next, count;                 /* slot of the next hop; hops held, saturating */
    uint32_t sum[DETECT_MAX_LABELS];      /* of the newest `smoothing` scores */
    uint16_t smoothed[DETECT_MAX_LABELS];
    uint32_t triggers;      /* of the gate, newest in bit 0 */
    uint32_t since_opening; /* hops since these, saturating */
    uint32_t since_event, since_unknown;
    int8_t decision; /* of the newest hop, after the vote */
} detect_t;

typedef struct {
    int16_t label; /* or DETECT_UNKNOWN */
    /* smoothed, Q15; for unknown the highest of the classes with a threshold */
    uint16_t score;
} detect_event_t;

/* Begin with `config`, which must stay valid. Returns 0, or a negative number if a setting is out
 * of range. */
int detect_init(detect_t *d, const detect_config_t *config);

/* Forget the history; the settings in force stay. */
void detect_reset(detect_t *d);

/* Change the settings from the next hop on; the labels stay the same.
 *
 * Returns NULL, or why nothing has changed. */
const char *detect_apply(detect_t *d, const detect_config_t *config);

/* Sum of |sample| over up to 65,536 samples. */
uint32_t detect_loudness(const int16_t *pcm, uint32_t samples);

/* A hop's level: the mean of |sample|, rounded down; 0 for no samples. */
uint16_t detect_level(const int16_t *pcm, uint32_t samples);

/* Whether the gate will be open at the next hop, so that its scores will count. */
bool detect_open(const detect_t *d, uint16_t level, bool active);

/* Decide about one hop.
 *
 * scores: config.labels values, Q15; not read while the gate is closed. level: of the hop
 * (detect_level). active: whether the front end has heard activity in it. Returns whether there is
 * an event, which is then in *event. The strongest label at or above its threshold wins, ties go to
 * the lower index. An event of unknown suppresses only unknown. */
bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, bool active,
                 detect_event_t *event);

#ifdef __cplusplus
}
#endif
#endif
