/* Command lines: a name and at most one argument, one space between. */
#ifndef OTOLITH_WIRE_COMMAND_H
#define OTOLITH_WIRE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    WIRE_NO_ARGUMENT = 0,
    WIRE_SWITCH, /* on or off: 1 or 0 */
    WIRE_NUMBER, /* 0 to 4294967295, decimal */
} wire_argument_t;

typedef struct {
    const char *name;
    wire_argument_t argument;
    void (*run)(uint32_t value); /* value: the argument, 0 if there is none */
} wire_command_t;

enum { WIRE_MAX_TEXT = 88 };

/* A command whose argument is the rest of the line: 1 to WIRE_MAX_TEXT bytes, no control
 * characters. */

typedef struct {
    const char *name;
    const char *(*run)(const char *text); /* returns NULL, or why nothing was done */
} wire_text_command_t;

/* Run the command that `line` names.
 *
 * line: NUL-terminated, without its end. Returns NULL, or why nothing was run. */
const char *wire_run_command(const char *line, const wire_command_t *commands, uint32_t count);

/* The same for commands that take text.
 *
 * Returns whether `line` names one of them; *reason is then NULL, or why nothing was done. */
bool wire_run_text_command(const char *line, const wire_text_command_t *commands, uint32_t count,
                           const char **reason);

#ifdef __cplusplus
}
#endif
#endif
