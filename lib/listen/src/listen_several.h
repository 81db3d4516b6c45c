/* Several networks behind one front end: features are computed once for all of them.
 *
 * The functions of listen.h work as for one network. Where they take a result, they take
 * LISTEN_MODELS of them. The first networks run first. */
#ifndef OTOLITH_LISTEN_SEVERAL_H
#define OTOLITH_LISTEN_SEVERAL_H

#include "listen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The functions of nn.h of one network. */
typedef struct {
    const nn_info_t *(*info)(void);
    int (*init)(void);
    void (*reset)(void);
    void (*set_input)(int i, const int8_t *data);
    int (*invoke)(void);
    int (*slide)(uint32_t rows);
    const int8_t *(*output)(int i);
} listen_network_t;

enum { LISTEN_NO_GATE = -1 };

/* One of several networks. `host compile` writes them to pipeline.c. */
typedef struct {
    listen_network_t network;
    const detect_config_t *detect;
    features_quantizer_t quantizer;
    uint16_t frames; /* rows in its window, and those that it takes later */
    int8_t *rows;    /* 2 * frames * bands bytes */
    /* Index of an earlier network, or LISTEN_NO_GATE. The earlier one's decision stands for the
     * front end's activity: detect.gate_activity makes scores count as 0 without it. */
    int8_t gate;
} listen_model_t;

extern const listen_model_t listen_models[LISTEN_MODELS];

/* Describes network `model`, below LISTEN_MODELS. */
const nn_info_t *listen_info(uint32_t model);

/* Its newest output. */
const int8_t *listen_output(uint32_t model);

/* The settings in force of its decision layer. */
const detect_config_t *listen_detect_settings_of(uint32_t model);

#ifdef __cplusplus
}
#endif
#endif
