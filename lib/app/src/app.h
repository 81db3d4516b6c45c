/* What every app does the same way: the console as the session's port, hello, fault line, reset. */
#ifndef OTOLITH_APP_H
#define OTOLITH_APP_H

#include "board.h"
#include "wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Board, watchdog and session; call first. */
void app_init(const wire_app_t *app, uint32_t watchdog_ms);

/* Start of each turn of the main loop: feeds the watchdog, moves the console's bytes and handles
 * what came in. True if something did. */
bool app_turn(void);

/* hello: who this is. The app adds its own fields between the two; the second sends, and says once
 * why the last run ended if it was a fault. */
json_t *app_hello(const char *name);
void app_hello_end(json_t *line);

/* Commands: answer, let the answer leave, go. */
void app_reset(uint32_t unused);
void app_bootsel(uint32_t unused);

uint32_t app_time_ms(void);

#ifdef __cplusplus
}
#endif
#endif
