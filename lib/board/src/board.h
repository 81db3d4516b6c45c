/* What an app may ask of a board. One folder per chip family implements it; pins come from the
 * board's JSON as BOARD_PIN_* macros. Nothing here allocates; all calls are for the main loop. */
#ifndef OTOLITH_BOARD_H
#define OTOLITH_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void board_init(void);
const char *board_name(void);   /* e.g. "pico" */
const char *board_serial(void); /* unique, hex */

/* Time. */
uint64_t board_time_us(void);
uint32_t board_cycles(void); /* CPU cycles, wraps at 2^32 */
uint32_t board_clock_hz(void);

/* Sleep until an interrupt, unless microphone or console have something already; returns the
 * microseconds slept. Wakes at least every 200 ms. */
uint32_t board_sleep(void);

/* Microphone: 16 kHz, 16 bit, mono, in blocks of MICROPHONE_BLOCK samples. */
enum { MICROPHONE_BLOCK = 128, MICROPHONE_RATE = 16000 };
void microphone_start(void);
void microphone_stop(void);
/* Take the oldest block if there is one. */
bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]);
/* Drop the blocks that wait, on purpose: they are no overruns. How many that were. */
uint32_t microphone_skip(void);
/* Blocks lost because nobody read them in time, since start. */
uint32_t microphone_overruns(void);

/* LED brightness, 0..65535 (perceived brightness is the board's affair). */
void led_set(uint16_t level);

/* Console: USB CDC, or UART. Non-blocking; read and write return the bytes moved. */
bool console_connected(void);
uint32_t console_read(uint8_t *data, uint32_t size);
uint32_t console_write(const uint8_t *data, uint32_t size);
uint32_t console_write_room(void);
void console_task(void); /* call at least once a millisecond while awake */

/* Watchdog and faults. timeout_ms: 1..8000 */
void watchdog_start(uint32_t timeout_ms);
void watchdog_feed(void);
/* Why the last run ended, or NULL after a clean start: one line, e.g. "hard fault at 0x10001234".
 * The fault itself also prints this line on the board's UART. */
const char *board_last_fault(void);
/* Stack high-water mark and size, bytes. */
uint32_t board_stack_used(void);
uint32_t board_stack_size(void);

void board_reset(void) __attribute__((noreturn));
void board_bootloader(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
