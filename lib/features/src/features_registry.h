/* All front ends. A new one is one name here and one file beside. */
#ifndef OTOLITH_FEATURES_REGISTRY_H
#define OTOLITH_FEATURES_REGISTRY_H

#include "audio_features.h"

#define FEATURES_FRONTENDS(X) X(spectrogram) X(mfcc) X(logmel) X(lfbe)

#define FEATURES_DECLARE(name) extern const features_frontend_t features_##name;
FEATURES_FRONTENDS(FEATURES_DECLARE)
#undef FEATURES_DECLARE

/* The front end that spec.toml calls `kind`, or NULL. */
const features_frontend_t *features_find(const char *kind);

#endif
