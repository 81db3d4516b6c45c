#include "json.h"

static void put(json_t *j, char c) {
    if (j->length < j->size) {
        j->text[j->length++] = c;
    } else {
        j->full = true;
    }
}

static void put_plain(json_t *j, const char *s) {
    while (*s) {
        put(j, *s++);
    }
}

static void put_quoted(json_t *j, const char *s) {
    static const char hex[] = "0123456789abcdef";
    put(j, '"');
    for (; *s; s++) {
        const uint8_t c = (uint8_t)*s;
        if (c == '"' || c == '\\') {
            put(j, '\\');
            put(j, (char)c);
        } else if (c < 0x20 || c >= 0x7f) { /* as Latin-1: always valid JSON, whatever came in */
            put_plain(j, "\\u00");
            put(j, hex[c >> 4]);
            put(j, hex[c & 15]);
        } else {
            put(j, (char)c);
        }
    }
    put(j, '"');
}

static void put_digits(json_t *j, uint32_t value, uint32_t at_least) {
    char digits[10];
    uint32_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || n < at_least);
    while (n > 0) {
        put(j, digits[--n]);
    }
}

/* Out of line: its two callers would each have all of it. */
static __attribute__((noinline)) void put_signed(json_t *j, int32_t value) {
    if (value < 0) {
        put(j, '-');
    }
    put_digits(j, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 1);
}

static void separate(json_t *j) {
    if (j->comma) {
        put(j, ',');
    }
    j->comma = true;
}

static __attribute__((noinline)) void put_key(json_t *j, const char *key) {
    separate(j);
    put_quoted(j, key);
    put(j, ':');
}

void json_open(json_t *j, char *text, uint32_t size, const char *event) {
    *j = (json_t){.text = text, .size = size};
    put(j, '{');
    json_text(j, "event", event);
}

void json_text(json_t *j, const char *key, const char *value) {
    put_key(j, key);
    put_quoted(j, value);
}

void json_unsigned(json_t *j, const char *key, uint32_t value) {
    put_key(j, key);
    put_digits(j, value, 1);
}

void json_signed(json_t *j, const char *key, int32_t value) {
    put_key(j, key);
    put_signed(j, value);
}

static void put_decimal(json_t *j, uint32_t value, uint32_t decimals) {
    uint32_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++) {
        unit *= 10;
    }
    put_digits(j, value / unit, 1);
    put(j, '.');
    put_digits(j, value % unit, decimals);
}

void json_thousandths(json_t *j, const char *key, uint32_t value) {
    put_key(j, key);
    put_decimal(j, value, 3);
}

void json_boolean(json_t *j, const char *key, bool value) {
    put_key(j, key);
    put_plain(j, value ? "true" : "false");
}

void json_null(json_t *j, const char *key) {
    put_key(j, key);
    put_plain(j, "null");
}

void json_object(json_t *j, const char *key) {
    put_key(j, key);
    put(j, '{');
    j->comma = false;
}

void json_object_end(json_t *j) {
    put(j, '}');
    j->comma = true;
}

void json_array(json_t *j, const char *key) {
    put_key(j, key);
    put(j, '[');
    j->comma = false;
}

void json_item_text(json_t *j, const char *value) {
    separate(j);
    put_quoted(j, value);
}

void json_item_signed(json_t *j, int32_t value) {
    separate(j);
    put_signed(j, value);
}

void json_item_decimal(json_t *j, uint32_t value, uint32_t decimals) {
    separate(j);
    put_decimal(j, value, decimals);
}

void json_array_end(json_t *j) {
    put(j, ']');
    j->comma = true;
}

uint32_t json_close(json_t *j) {
    put_plain(j, "}\n");
    return j->full ? 0 : j->length;
}

uint32_t json_q15_thousandths(uint16_t q15) {
    return (q15 * 2000u + 32767u) / (2u * 32767u);
}
