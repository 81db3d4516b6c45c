/* What an app may ask of a board.
 *
 * One folder beside this file per chip family implements it. Pins come from the board's JSON as
 * BOARD_PIN_* macros. All functions are for the main loop, none for an interrupt. None allocates,
 * and none fails unless it says so. */
#ifndef OTOLITH_BOARD_H
#define OTOLITH_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Start clocks, time, console and LED. Call first. */
void board_init(void);

/* The board's id, as its JSON file is called: "pico". */
const char *board_name(void);

/* The board's serial number in hex, unique to it. Valid for ever. */
const char *board_serial(void);

/* ---- time ---- */

/* Microseconds since the start. */
uint64_t board_time_us(void);

/* CPU cycles; wraps at 2^32. */
uint32_t board_cycles(void);

/* CPU cycles in a second. */
uint32_t board_clock_hz(void);

/* Sleep until an interrupt; return at once if the microphone or the console has something to read.
 * Wakes at least every 200 ms, so a main loop that feeds the watchdog once a turn is safe.
 *
 * Returns the microseconds slept. */
uint32_t board_sleep(void);

/* ---- microphone: 16 kHz, 16 bit, mono ---- */

enum {
    MICROPHONE_BLOCK = 128,       /* samples in a block */
    MICROPHONE_RATE = 16000,      /* Hz */
    MICROPHONE_GAIN_LOWEST = -40, /* dB */
    MICROPHONE_GAIN_HIGHEST = 60,
};

/* What kind of microphone this image reads: "pdm", "i2s", "adc", or "none". */
const char *microphone_kind(void);

/* The gain in dB: microphone.gain_db of the board's JSON, or what was set since. */
int32_t microphone_gain(void);

/* Change the gain from the next block on. What is too loud then saturates.
 *
 * db: MICROPHONE_GAIN_LOWEST to MICROPHONE_GAIN_HIGHEST. */
void microphone_set_gain(int32_t db);

/* Start the microphone, or start it anew. The count of overruns begins at 0. */
void microphone_start(void);

/* Stop it and drop the blocks that wait. */
void microphone_stop(void);

/* Take the oldest block, if there is one.
 *
 * pcm: gets MICROPHONE_BLOCK samples. Returns whether there was a block. */
bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]);

/* Drop the blocks that wait. They do not count as overruns.
 *
 * Returns how many blocks that were. */
uint32_t microphone_skip(void);

/* Blocks lost since the start because nobody read them in time. Grows when the next block is read:
 * the lost blocks came before that one. */
uint32_t microphone_overruns(void);

/* ---- LED ---- */

/* Set the LED's brightness as the eye sees it, 0 (off) to 65535. Where it can't be dimmed, the
 * upper half is on. */
void led_set(uint16_t level);

/* ---- console: USB CDC, or UART; never blocks ---- */

/* Whether a program on the computer has the port open. Always true on a UART. */
bool console_connected(void);

/* Read up to `size` bytes. Returns how many there were. */
uint32_t console_read(uint8_t *data, uint32_t size);

/* Write up to `size` bytes. Returns how many were taken. */
uint32_t console_write(const uint8_t *data, uint32_t size);

/* Bytes that console_write takes now. */
uint32_t console_write_room(void);

/* Move bytes along. Call at least once a millisecond while awake. */
void console_task(void);

/* ---- watchdog and faults ---- */

/* Start the watchdog: the board is reset `timeout_ms` milliseconds (1 to 8000) after it was last
 * fed. It can't be stopped. */
void watchdog_start(uint32_t timeout_ms);
void watchdog_feed(void);

/* Why the last run ended, in one line ("hard fault at 0x10001234"), or NULL after a clean start.
 * A fault also prints this line on the board's UART at once. */
const char *board_last_fault(void);

/* The most bytes of stack used so far, and the bytes there are. */
uint32_t board_stack_used(void);
uint32_t board_stack_size(void);

/* Start anew; start the boot loader. Neither returns. */
void board_reset(void) __attribute__((noreturn));
void board_bootloader(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif
