/* One JSON object a line, into a buffer of fixed size; integers only. What does not fit makes
 * json_close return 0, never a cut line. */
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

/* {"event":"<event>" */
void json_open(json_t *j, char *text, uint32_t size, const char *event);

void json_text(json_t *j, const char *key, const char *value);
void json_unsigned(json_t *j, const char *key, uint32_t value);
void json_signed(json_t *j, const char *key, int32_t value);
/* Thousandths: 412 -> 0.412 */
void json_thousandths(json_t *j, const char *key, uint32_t value);

void json_boolean(json_t *j, const char *key, bool value);
void json_null(json_t *j, const char *key);

/* "key":{ ... } with fields between. */
void json_object(json_t *j, const char *key);
void json_object_end(json_t *j);

/* "key":[ ... ] with items between. */
void json_array(json_t *j, const char *key);
void json_item_text(json_t *j, const char *value);
void json_item_signed(json_t *j, int32_t value);
/* value / 10^decimals, decimals 1..9: 26, 2 -> 0.26 */
void json_item_decimal(json_t *j, uint32_t value, uint32_t decimals);
void json_array_end(json_t *j);

/* } and \n; the line's length, or 0 if it did not fit. */
uint32_t json_close(json_t *j);

/* Q15 (32767 = 1) in thousandths, rounded. */
uint32_t json_q15_thousandths(uint16_t q15);

#ifdef __cplusplus
}
#endif
#endif
