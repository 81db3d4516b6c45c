/* What every app does the same way: start-up, the wire session on the console, `hello`, the line
 * about a fault, and the commands that restart the board. For the main loop. */
#ifndef OTOLITH_APP_H
#define OTOLITH_APP_H

#include "board.h"
#include "wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start board, watchdog and wire session. Call first.
 *
 * app: commands and callbacks; must stay valid. watchdog_ms: as watchdog_start takes it; one turn
 * of the main loop must be shorter. */
void app_init(const wire_app_t *app, uint32_t watchdog_ms);

/* Begin a turn of the main loop: feed the watchdog, move the console's bytes and handle what came
 * in, up to one frame. Returns whether anything came in: if not, the app may sleep. */
bool app_turn(void);

/* Begin and end a `hello` line; the app adds its own fields between the two.
 *
 * name: of the app. app_hello_end sends the line. After the first one it also sends a `fault` line
 * if the last run ended with a fault. */
json_t *app_hello(const char *name);
void app_hello_end(json_t *line);

/* The commands `reset` and `bootsel`: answer, give the answer 50 ms to leave, and go. */
void app_reset(uint32_t unused);
void app_bootsel(uint32_t unused);

/* Milliseconds since the start; wraps after 49 days. */
uint32_t app_time_ms(void);

#ifdef __cplusplus
}
#endif
#endif
