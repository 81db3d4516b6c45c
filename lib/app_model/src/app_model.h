/* What an app says about the network linked into it. */
#ifndef OTOLITH_APP_MODEL_H
#define OTOLITH_APP_MODEL_H

#include "json.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Add the network's name, hash, labels and engine to a `hello` line, between app_hello and
 * app_hello_end. */
void app_hello_model(json_t *line);

#ifdef __cplusplus
}
#endif
#endif
