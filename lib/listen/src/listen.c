#include "listen.h"

#include <stddef.h>
#include <string.h>

#include "detect_settings.h"
#include "nn.h"

static features_t features;
static detect_t detect;
static uint32_t (*clock_us)(void);
static bool invoked;  /* since the reset, and it worked */
static uint32_t slid; /* frames since then */
static void (*frame_listener)(const int16_t *values, uint16_t bands);

/* The network must take the pipeline's window and give it one score a label (or one for the second
 * of two labels). */
static int check(const nn_info_t *info) {
    const features_config_t *f = listen_config.features;
    const uint32_t scores = info->output[0].bytes;
    const uint32_t labels = listen_config.detect->labels;
    if (info->inputs != 1 || info->input[0].bytes != (uint32_t)f->frames * f->bands) {
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
    if (detect_init(&detect, listen_config.detect) != 0) {
        return -3;
    }
    invoked = false;
    return nn_init();
}

void listen_reset(void) {
    features_reset(&features);
    detect_reset(&detect);
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

/* What every hop gives, network or not. */
static void hear(const int16_t *pcm, listen_result_t *result) {
    const uint16_t hop = listen_config.features->hop;
    memset(result, 0, sizeof *result);
    result->smoothed = detect.smoothed;
    result->decision = DETECT_NONE;

    const uint32_t start = now();
    for (uint32_t frame = 0; frame < listen_config.hop_frames; frame++) {
        if (!features_push(&features, pcm + frame * hop)) {
            continue;
        }
        slid++;
        if (frame_listener != NULL) {
            frame_listener(features_frame(&features), listen_config.features->bands);
        }
    }
    result->level = detect_level(pcm, listen_config.hop);
    result->feature_us = now() - start;
}

void listen_skip(const int16_t *pcm, listen_result_t *result) {
    hear(pcm, result);
}

void listen_push(const int16_t *pcm, listen_result_t *result) {
    hear(pcm, result);
    const uint32_t featured = now();
    const bool active = features_active(&features); /* since the last push: in skipped hops too */
    if (!features_ready(&features)) {
        return;
    }
    nn_set_input(0, features_window(&features));
    invoked = (invoked ? nn_slide(slid) : nn_invoke()) == 0;
    slid = 0;
    if (!invoked) {
        return;
    }
    read_scores(result->scores);
    result->infer_us = now() - featured;
    result->scored = true;
    result->event = detect_step(&detect, result->scores, result->level, active, &result->detection);
    result->decision = detect.decision;
}

const int8_t *listen_window(void) {
    return features_window(&features);
}
