/* What nn_tflm.cpp needs of the network: written by `host compile --engine tflm`, and by the linker
 * step, which measures how much memory AllocateTensors() takes on this core. */
#ifndef OTOLITH_NN_TFLM_H
#define OTOLITH_NN_TFLM_H

#include <stdint.h>

#include "tensorflow/lite/micro/micro_op_resolver.h"

/* The .tflite file, 16-byte aligned. */
extern const unsigned char *const nn_tflm_model;

/* A resolver that knows the network's operations, or nullptr. Call it once. */
const tflite::MicroOpResolver *nn_tflm_resolver();

/* 16-byte aligned; its size is the symbol's address: a number the linker step knows last. */
extern "C" uint8_t nn_tflm_arena[];
extern "C" const char nn_tflm_arena_bytes[];

#endif
