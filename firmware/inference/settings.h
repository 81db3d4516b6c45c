/* The commands get and set: the decision layer's settings, told and changed while it runs. */
#ifndef OTOLITH_SETTINGS_H
#define OTOLITH_SETTINGS_H

/* "detect", and "detect.<name> <value>" (listen_set). They answer with a line of all settings in
 * force; or return why not, and then nothing has changed. */
const char *settings_get(const char *group);
const char *settings_set(const char *assignment);

#endif
