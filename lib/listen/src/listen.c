#include "listen.h"

#include <stddef.h>
#include <string.h>

#include "detect_settings.h"
#include "nn.h"
#include "rest.h"

#if LISTEN_MODELS == 1 /* listen_several.c is for more */

static features_t features;
static detect_t detect;
static uint32_t (*clock_us)(void);
static bool invoked;  /* the network has run since the reset, and did not fail */
static uint32_t slid; /* frames since the network last ran */
static rest_t rest;
static uint32_t frame_us; /* the longest frame so far */
static void (*frame_listener)(const int16_t *values, uint16_t bands);

/* The hop being heard. */
static struct {
    uint32_t held;       /* samples so far */
    uint32_t loudness;   /* their sum of |sample| */
    uint32_t feature_us; /* time the front end took for them */
} hop;

/* The network must take the pipeline's window, or the oldest rows of it, and give it one score a
 * label (or one for the second of two labels). */
static int check(const nn_info_t *info) {
    const features_config_t *f = listen_config.features;
    const uint32_t scores = info->output[0].bytes;
    const uint32_t labels = listen_config.detect->labels;
    if (info->inputs != 1 || info->input[0].bytes > (uint32_t)f->frames * f->bands) {
        return -1;
    }
    if (info->labels != labels || !(scores == labels || (scores == 1 && labels == 2))) {
        return -1;
    }
    return 0;
}

int listen_init(uint32_t (*clock)(void)) {
    clock_us = clock;
    if (check(nn_info()) != 0) {
        return -1;
    }
    if (features_init(&features, listen_config.features, listen_config.rows) != 0) {
        return -2;
    }
    features_set_past(&features, listen_config.past, listen_config.past_size);
    if (detect_init(&detect, listen_config.detect) != 0) {
        return -3;
    }
    memset(&hop, 0, sizeof hop);
    memset(&rest, 0, sizeof rest);
    invoked = false;
    return nn_init();
}

void listen_reset(void) {
    nn_reset();
    features_reset(&features);
    detect_reset(&detect);
    memset(&hop, 0, sizeof hop);
    invoked = false;
}

const char *listen_set(const char *text) {
    static const char group[] = "detect.";
    const size_t size = sizeof group - 1;
    if (strncmp(text, group, size) != 0) {
        return "unknown setting";
    }
    return detect_set(&detect, nn_info()->label, text + size);
}

void listen_rest(bool on) {
    rest.allowed = on;
}

const detect_config_t *listen_detect_settings(void) {
    return &detect.config;
}

void listen_on_frame(void (*on_frame)(const int16_t *values, uint16_t bands)) {
    frame_listener = on_frame;
}

static uint32_t now(void) {
    return clock_us == NULL ? 0 : clock_us();
}

/* The network's int8 to Q15. */
static uint16_t to_q15(const nn_tensor_t *output, int8_t q) {
    const int32_t value = ((q - output->zero_point) * output->score_multiplier) >> 16;
    return (uint16_t)(value < 0 ? 0 : value > DETECT_ONE ? DETECT_ONE : value);
}

static void read_scores(uint16_t *scores) {
    const nn_tensor_t *output = &nn_info()->output[0];
    const int8_t *q = nn_output(0);
    if (output->bytes == 1) {
        scores[1] = to_q15(output, q[0]);
        scores[0] = (uint16_t)(DETECT_ONE - scores[1]);
        return;
    }
    for (uint32_t i = 0; i < output->bytes; i++) {
        scores[i] = to_q15(output, q[i]);
    }
}

/* Compute the frames that were held back, if any. */
static void wake(void) {
    while (features_catch_up(&features)) {
        slid++;
    }
}

/* Give samples of one hop to the front end. */
static void hear(const int16_t *pcm, uint32_t samples) {
    const features_config_t *f = listen_config.features;
    const uint32_t start = now();
    if (!rest.allowed) {
        wake();
    }
    for (uint32_t at = 0; at < samples;) {
        const uint32_t left = samples - at, count = left < f->hop ? left : f->hop;
        const uint32_t begun = now();
        if (features_feed(&features, pcm + at, count)) {
            rest_took(&frame_us, now() - begun);
            slid++;
            if (frame_listener != NULL) {
                frame_listener(features_frame(&features), f->bands);
            }
        }
        at += count;
    }
    hop.loudness += detect_loudness(pcm, samples);
    hop.held += samples;
    hop.feature_us += now() - start;
}

/* Report the hop and begin the next one. */
static void close_hop(listen_result_t *result) {
    memset(result, 0, sizeof *result);
    result->complete = true;
    result->smoothed = detect.smoothed;
    result->decision = DETECT_NONE;
    result->level = (uint16_t)(hop.loudness / listen_config.hop);
    result->feature_us = hop.feature_us;
    memset(&hop, 0, sizeof hop);
}

/* Run the network on the newest window, and the decision layer on its scores. */
static void judge(listen_result_t *result) {
    const bool active = features_active(&features); /* clears it: skipped hops count too */
    if (!features_ready(&features)) {
        return;
    }
    if (rest_may(&rest, nn_info(), clock_us != NULL) &&
        !detect_open(&detect, result->level, active)) {
        result->rested = true;
        invoked = false; /* what it keeps belongs to another window now */
        if (rest_catches_up(frame_us, clock_us != NULL)) {
            features_defer(&features);
        }
    } else {
        const uint32_t late = now();
        wake();
        const uint32_t start = now();
        result->feature_us += start - late;
        const bool full = !invoked;
        nn_set_input(0, features_window(&features));
        invoked = (full ? nn_invoke() : nn_slide(slid)) == 0;
        slid = 0;
        if (!invoked) {
            return;
        }
        read_scores(result->scores);
        result->infer_us = now() - start;
        result->scored = true;
        rest_ran(&rest, full, result->infer_us);
    }
    result->event = detect_step(&detect, result->scores, result->level, active, &result->detection);
    result->decision = detect.decision;
}

uint32_t listen_feed(const int16_t *pcm, uint32_t samples, listen_result_t *result) {
    const uint32_t missing = listen_config.hop - hop.held;
    const uint32_t taken = samples < missing ? samples : missing;
    hear(pcm, taken);
    if (taken == missing) {
        close_hop(result);
        judge(result);
    } else {
        result->complete = false;
    }
    return taken;
}

uint32_t listen_missing(void) {
    return listen_config.hop - hop.held;
}

void listen_push(const int16_t *pcm, listen_result_t *result) {
    hear(pcm, listen_config.hop);
    close_hop(result);
    judge(result);
}

void listen_skip(const int16_t *pcm, listen_result_t *result) {
    hear(pcm, listen_config.hop);
    close_hop(result);
}

const int8_t *listen_window(void) {
    return features_window(&features);
}

#endif
