/* Writes one JSON object, one line, into a buffer of fixed size; without floating point.
 *
 * A line that does not fit is never cut: json_close returns 0. Texts are escaped. */
#ifndef OTOLITH_WIRE_JSON_H
#define OTOLITH_WIRE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    char *text;
    uint32_t size, length;
    bool comma; /* the next item needs one */
    bool full;
} json_t;

/* Begin an object: {"event":"<event>"
 *
 * text: the buffer, `size` bytes; must stay until json_close. */
void json_open(json_t *j, char *text, uint32_t size, const char *event);

/* Add a field. */
void json_text(json_t *j, const char *key, const char *value);
void json_unsigned(json_t *j, const char *key, uint32_t value);
void json_signed(json_t *j, const char *key, int32_t value);
/* value / 1000: 412 is written 0.412. */
void json_thousandths(json_t *j, const char *key, uint32_t value);
void json_boolean(json_t *j, const char *key, bool value);
void json_null(json_t *j, const char *key);

/* Add an object; fields between the two calls are its own. */
void json_object(json_t *j, const char *key);
void json_object_end(json_t *j);

/* Add an array, with items between the two calls. */
void json_array(json_t *j, const char *key);
void json_item_text(json_t *j, const char *value);
void json_item_signed(json_t *j, int32_t value);
/* value / 10^decimals, decimals 1 to 9: 26 and 2 are written 0.26. */
void json_item_decimal(json_t *j, uint32_t value, uint32_t decimals);
void json_array_end(json_t *j);

/* End the object and the line. Returns the line's length, or 0 if it did not fit. */
uint32_t json_close(json_t *j);

/* A Q15 value (32767 is 1) in thousandths, rounded. */
uint32_t json_q15_thousandths(uint16_t q15);

#ifdef __cplusplus
}
#endif
#endif
