/* The networks of this image: one, or several that share the front end. */
#ifndef OTOLITH_MODELS_H
#define OTOLITH_MODELS_H

#include "app_model.h"
#include "json.h"
#include "listen_several.h"

/* Describes network `model`, below LISTEN_MODELS. */
static inline const nn_info_t *models_info(uint32_t model) {
#if LISTEN_MODELS > 1
    return listen_info(model);
#else
    (void)model;
    return nn_info();
#endif
}

/* Its newest output. */
static inline const int8_t *models_output(uint32_t model) {
#if LISTEN_MODELS > 1
    return listen_output(model);
#else
    (void)model;
    return nn_output(0);
#endif
}

/* The settings in force of its decision layer. */
static inline const detect_config_t *models_settings(uint32_t model) {
#if LISTEN_MODELS > 1
    return listen_detect_settings_of(model);
#else
    (void)model;
    return listen_detect_settings();
#endif
}

/* Add the network's name to a line, if there are several. */
static inline void models_name(json_t *line, uint32_t model) {
#if LISTEN_MODELS > 1
    json_text(line, "model", listen_info(model)->name);
#else
    (void)line;
    (void)model;
#endif
}

/* Add names, hashes and engine of several networks to a `hello` line. */
void models_hello_several(json_t *line);

/* Add what the networks are to a `hello` line. */
static inline void models_hello(json_t *line) {
#if LISTEN_MODELS > 1
    models_hello_several(line);
#else
    app_hello_model(line);
#endif
}

#endif
