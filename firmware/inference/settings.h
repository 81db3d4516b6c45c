/* The commands get and set: read and change the decision layer's settings while it runs. */
#ifndef OTOLITH_SETTINGS_H
#define OTOLITH_SETTINGS_H

/* group: "detect". assignment: "detect.<name> <value>", as for listen_set. Both answer with a
 * line of all settings in force and return NULL, or they return why not and nothing has changed. */
const char *settings_get(const char *group);
const char *settings_set(const char *assignment);

#endif
