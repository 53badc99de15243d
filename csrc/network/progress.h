/* progress.h: whether the progress of a network contradicts itself, see progress.c. */
#ifndef PYLSTM_PROGRESS_H
#define PYLSTM_PROGRESS_H

#include "population/population.h"
#include "network/network.h"
#include "streams/streams.h"

/* A build with PYLSTM_DEBUG asks after every call. */
#ifdef PYLSTM_DEBUG
enum { PYLSTM_DEBUG_BUILD = 1 };
#else
enum { PYLSTM_DEBUG_BUILD = 0 };
#endif

/* The rule that is broken, or NULL. The buffers must be there; `n_pending` rows of the record are
   looked at once it is known that there are so many. */
const char *pylstm_network_contradiction(const pylstm_network *);
const char *pylstm_streams_contradiction(const pylstm_streams *);
const char *pylstm_population_contradiction(const pylstm_population *);

#endif
