/* A network that says how far it is: in images built with NN_PROFILE (apps that include this file)
 * the app's nn_profile is called after each operation; in all others nothing is. */
#ifndef OTOLITH_NN_PROFILE_H
#define OTOLITH_NN_PROFILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef NN_PROFILE
void nn_profile(uint32_t operation); /* counts from 0, as in the compiler's report */
#else
static inline void nn_profile(uint32_t operation) {
    (void)operation;
}
#endif

#ifdef __cplusplus
}
#endif
#endif
