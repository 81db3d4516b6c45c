/* Taps of the two FIR filters after the moving sums, for pdm.c and pdm_armv6m.S. */
#ifndef OTOLITH_PDM_TAPS_H
#define OTOLITH_PDM_TAPS_H

/* Minimax: the inverse of the boxes' droop to 7.15 kHz within 0.07 dB, 25-32 kHz below -62 dB.
 * Gain 65536 / 65280 at 2^14. Symmetric: the first six of eleven. */
#define PDM_MIDDLE_0 159
#define PDM_MIDDLE_1 -123
#define PDM_MIDDLE_2 -1242
#define PDM_MIDDLE_3 -144
#define PDM_MIDDLE_4 5167
#define PDM_MIDDLE_5 8689

/* Minimax half-band: 0-7 kHz flat within 0.01 dB, 9-16 kHz below -65 dB. Every second tap is 0 but
 * the one in the centre, 2^12; symmetric: the first sixteen others. Sum 2^13. */
#define PDM_LAST_0 -3
#define PDM_LAST_1 5
#define PDM_LAST_2 -9
#define PDM_LAST_3 15
#define PDM_LAST_4 -23
#define PDM_LAST_5 34
#define PDM_LAST_6 -48
#define PDM_LAST_7 67
#define PDM_LAST_8 -93
#define PDM_LAST_9 126
#define PDM_LAST_10 -170
#define PDM_LAST_11 233
#define PDM_LAST_12 -326
#define PDM_LAST_13 488
#define PDM_LAST_14 -849
#define PDM_LAST_15 2601

/* The middle filter's sum begins with this: half a step, and what makes the first filter's outputs,
 * 0 to 65280, twice as large and symmetric about 0. */
#define PDM_MIDDLE_START (4096 - 32640 * 16323)
#define PDM_MIDDLE_SHIFT 13
#define PDM_LAST_START 512
#define PDM_LAST_SHIFT 10
#define PDM_LAST_CENTRE 12

#define PDM_NOTCH_SHIFT 9 /* 16 kHz / (2 pi 2^9) = 5 Hz */
#define PDM_TO_PCM 4      /* from 2^19, so that the notch has its say, to 2^15 */

#endif
