/* What nn_tflm.cpp needs to know about the network. `host compile --engine tflm` writes the model
 * and the resolver. The linking step writes the arena, after measuring how much memory
 * AllocateTensors() takes on this core. */
#ifndef OTOLITH_NN_TFLM_H
#define OTOLITH_NN_TFLM_H

#include <stdint.h>

#include "tensorflow/lite/micro/micro_op_resolver.h"

/* The .tflite file, aligned to 16 bytes. */
extern const unsigned char *const nn_tflm_model;

/* Returns a resolver with the network's operations, or nullptr. Call it once. */
const tflite::MicroOpResolver *nn_tflm_resolver();

/* Aligned to 16 bytes. Its size is the address of the symbol nn_tflm_arena_bytes, because it is not
 * known before linking. */
extern "C" uint8_t nn_tflm_arena[];
extern "C" const char nn_tflm_arena_bytes[];

#endif
