#include "listen_several.h"

#include <stddef.h>
#include <string.h>

#include "detect_settings.h"
#include "rest.h"

#if LISTEN_MODELS > 1

static features_t features;
static uint32_t (*clock_us)(void);
static void (*frame_listener)(const int16_t *values, uint16_t bands);

/* What each network needs between two hops. */
static struct {
    detect_t detect;
    uint16_t next; /* row the next frame goes to, the oldest one */
    bool invoked;  /* the network has run since the reset, and did not fail */
    rest_t rest;
} states[LISTEN_MODELS];

static uint32_t seen;     /* frames since the reset, saturating */
static uint32_t slid;     /* frames since the networks last ran */
static uint32_t frame_us; /* the longest frame so far */

/* The hop being heard. */
static struct {
    uint32_t held;       /* samples so far */
    uint32_t loudness;   /* their sum of |sample| */
    uint32_t feature_us; /* time the front end took for them */
} hop;

/* As in listen.c: a network takes its window, or the oldest rows of it. */
static int check(const listen_model_t *model) {
    const nn_info_t *info = model->network.info();
    const uint32_t values = (uint32_t)model->frames * listen_config.features->bands;
    const uint32_t scores = info->output[0].bytes, labels = model->detect->labels;
    if (info->inputs != 1 || info->input[0].bytes > values) {
        return -1;
    }
    if (info->labels != labels || !(scores == labels || (scores == 1 && labels == 2))) {
        return -1;
    }
    return 0;
}

int listen_init(uint32_t (*clock)(void)) {
    clock_us = clock;
    if (features_init(&features, listen_config.features, NULL) != 0) {
        return -2;
    }
    features_set_past(&features, listen_config.past, listen_config.past_size);
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        const listen_model_t *model = &listen_models[m];
        if (check(model) != 0 || model->gate >= (int)m) {
            return -1;
        }
        if (detect_init(&states[m].detect, model->detect) != 0) {
            return -3;
        }
        if (model->network.init() < 0) {
            return -4;
        }
    }
    listen_reset();
    return 0;
}

void listen_rest(bool on) {
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        states[m].rest.allowed = on;
    }
}

void listen_reset(void) {
    features_reset(&features);
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        detect_reset(&states[m].detect);
        listen_models[m].network.reset();
        states[m].next = 0;
        states[m].invoked = false;
    }
    memset(&hop, 0, sizeof hop);
    seen = slid = 0;
}

/* The network that a setting names first, and what follows the name. LISTEN_MODELS: none. */
static uint32_t named(const char **text) {
    uint32_t m = 0;
    for (; m < LISTEN_MODELS; m++) {
        const char *name = listen_info(m)->name;
        const size_t size = strlen(name);
        if (strncmp(*text, name, size) == 0 && (*text)[size] == '.') {
            *text += size + 1;
            break;
        }
    }
    return m;
}

const char *listen_set(const char *text) {
    static const char group[] = "detect.";
    const size_t size = sizeof group - 1;
    const uint32_t m = named(&text);
    if (m == LISTEN_MODELS) {
        return "a setting begins with the model's name";
    }
    if (strncmp(text, group, size) != 0) {
        return "unknown setting";
    }
    return detect_set(&states[m].detect, listen_info(m)->label, text + size);
}

const detect_config_t *listen_detect_settings_of(uint32_t model) {
    return &states[model].detect.config;
}

const detect_config_t *listen_detect_settings(void) {
    return listen_detect_settings_of(0);
}

const nn_info_t *listen_info(uint32_t model) {
    return listen_models[model].network.info();
}

const int8_t *listen_output(uint32_t model) {
    return listen_models[model].network.output(0);
}

void listen_on_frame(void (*on_frame)(const int16_t *values, uint16_t bands)) {
    frame_listener = on_frame;
}

static uint32_t now(void) {
    return clock_us == NULL ? 0 : clock_us();
}

/* Store the newest frame twice in the rows of a network, so that its window is in one piece. */
static void keep(uint32_t m, const int16_t *values, uint32_t bands) {
    const listen_model_t *model = &listen_models[m];
    int8_t *row = model->rows + states[m].next * bands;
    features_quantize(&model->quantizer, values, row, bands);
    memcpy(row + model->frames * bands, row, bands);
    states[m].next = (uint16_t)(states[m].next + 1 == model->frames ? 0 : states[m].next + 1);
}

/* Give the newest frame to every network. */
static void keep_frame(void) {
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        keep(m, features_frame(&features), listen_config.features->bands);
    }
    seen += seen < UINT32_MAX;
    slid++;
}

/* Compute the frames that were held back, if any. */
static void wake(void) {
    while (features_catch_up(&features)) {
        keep_frame();
    }
}

/* Give samples of one hop to the front end. */
static void hear(const int16_t *pcm, uint32_t samples) {
    const features_config_t *f = listen_config.features;
    const uint32_t start = now();
    if (!states[0].rest.allowed) { /* as for all */
        wake();
    }
    for (uint32_t at = 0; at < samples;) {
        const uint32_t left = samples - at, count = left < f->hop ? left : f->hop;
        const uint32_t begun = now();
        if (features_feed(&features, pcm + at, count)) {
            keep_frame();
            rest_took(&frame_us, now() - begun);
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

/* Report the hop for every network and begin the next one. */
static void close_hop(listen_result_t *results) {
    memset(results, 0, LISTEN_MODELS * sizeof *results);
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        results[m].complete = true;
        results[m].smoothed = states[m].detect.smoothed;
        results[m].decision = DETECT_NONE;
        results[m].level = (uint16_t)(hop.loudness / listen_config.hop);
    }
    results[0].feature_us = hop.feature_us;
    memset(&hop, 0, sizeof hop);
}

/* A network's int8 to Q15. */
static uint16_t to_q15(const nn_tensor_t *output, int8_t q) {
    const int32_t value = ((q - output->zero_point) * output->score_multiplier) >> 16;
    return (uint16_t)(value < 0 ? 0 : value > DETECT_ONE ? DETECT_ONE : value);
}

static void read_scores(uint32_t m, uint16_t *scores) {
    const nn_tensor_t *output = &listen_info(m)->output[0];
    const int8_t *q = listen_output(m);
    if (output->bytes == 1) {
        scores[1] = to_q15(output, q[0]);
        scores[0] = (uint16_t)(DETECT_ONE - scores[1]);
        return;
    }
    for (uint32_t i = 0; i < output->bytes; i++) {
        scores[i] = to_q15(output, q[i]);
    }
}

/* Run a network on its newest window, and its decision layer on the scores. late_us: grows by the
 * time of frames that were held back. */
static void judge(uint32_t m, bool active, listen_result_t *result, uint32_t *late_us) {
    const listen_model_t *model = &listen_models[m];
    detect_t *detect = &states[m].detect;
    if (seen < model->frames) {
        return;
    }
    if (model->gate != LISTEN_NO_GATE) {
        active = states[model->gate].detect.decision >= 0;
    }
    if (rest_may(&states[m].rest, model->network.info(), clock_us != NULL) &&
        !detect_open(detect, result->level, active)) {
        result->rested = true;
        states[m].invoked = false; /* what it keeps belongs to another window now */
    } else {
        const uint32_t late = now();
        wake();
        const uint32_t start = now();
        *late_us += start - late;
        const bool full = !states[m].invoked;
        model->network.set_input(0, model->rows + states[m].next * listen_config.features->bands);
        states[m].invoked = (full ? model->network.invoke() : model->network.slide(slid)) == 0;
        if (!states[m].invoked) {
            return;
        }
        read_scores(m, result->scores);
        result->infer_us = now() - start;
        result->scored = true;
        rest_ran(&states[m].rest, full, result->infer_us);
    }
    result->event = detect_step(detect, result->scores, result->level, active, &result->detection);
    result->decision = detect->decision;
}

static void judge_all(listen_result_t *results) {
    const bool active = features_active(&features); /* clears it: skipped hops count too */
    bool rest = true;
    for (uint32_t m = 0; m < LISTEN_MODELS; m++) {
        judge(m, active, &results[m], &results[0].feature_us);
        rest &= results[m].rested;
    }
    slid = 0;
    if (rest && rest_catches_up(frame_us, clock_us != NULL)) {
        features_defer(&features);
    }
}

uint32_t listen_feed(const int16_t *pcm, uint32_t samples, listen_result_t *results) {
    const uint32_t missing = listen_missing();
    const uint32_t taken = samples < missing ? samples : missing;
    hear(pcm, taken);
    if (taken == missing) {
        close_hop(results);
        judge_all(results);
    } else {
        results->complete = false;
    }
    return taken;
}

uint32_t listen_missing(void) {
    return listen_config.hop - hop.held;
}

void listen_push(const int16_t *pcm, listen_result_t *results) {
    hear(pcm, listen_config.hop);
    close_hop(results);
    judge_all(results);
}

void listen_skip(const int16_t *pcm, listen_result_t *results) {
    hear(pcm, listen_config.hop);
    close_hop(results);
}

const int8_t *listen_window(void) {
    return listen_models[0].rows + states[0].next * listen_config.features->bands;
}

#endif
