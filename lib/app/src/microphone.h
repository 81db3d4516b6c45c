/* What an app with a microphone says of it, and lets the computer change. */
#ifndef OTOLITH_APP_MICROPHONE_H
#define OTOLITH_APP_MICROPHONE_H

#include "app.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Add the microphone's kind and gain to a line. */
void app_microphone(json_t *line);

/* Commands `get microphone` and `set microphone.gain_db DB`: carry them out and send a `microphone`
 * line. *reason: NULL, or why nothing was done.
 *
 * Returns false if `text` is about something else. */
bool app_microphone_get(const char *text);
bool app_microphone_set(const char *text, const char **reason);

#ifdef __cplusplus
}
#endif
#endif
