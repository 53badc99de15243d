/* team.h: one loop shared by several threads.

   The owner of a team offers a loop in pieces. It takes pieces from the front itself; helpers that
   are awake take them from the back, so that from one loop to the next a thread meets mostly the
   same rows again, in its own cache. Nobody waits for a helper that does not come: what it has not
   claimed the owner does alone. Pieces split rows, streams or networks, never a sum, so the numbers
   do not depend on who computed them.

   Threads are not made here: a thread becomes a helper by calling pylstm_help. */
#ifndef PYLSTM_TEAM_H
#define PYLSTM_TEAM_H

#include <stddef.h>
#include <stdint.h>

/* Iterations [from, to) of a loop. */
typedef void (*pylstm_part)(void *task, ptrdiff_t from, ptrdiff_t to);

typedef struct {
    /* The loop on offer. */
    pylstm_part part;
    void *task;
    ptrdiff_t count, grain, n_pieces;
    char line0[64]; /* what several threads write stands on cache lines of its own */
    uint64_t
        claim; /* number of the loop, first and last piece not yet claimed: 32 + 16 + 16 bits */
    char line1[64];
    ptrdiff_t finished; /* pieces helpers have done */
    char line2[64];
    int n_threads; /* into how many pieces a loop is cut, the owner's among them */
    int n_awake;   /* helpers looking for work */
    int busy;      /* taken by an owner */
} pylstm_team;

/* n_threads, which may change at any time: a loop goes on as it was cut. */
int pylstm_team_size(const pylstm_team *);
void pylstm_team_resize(pylstm_team *, int n_threads);

/* n_awake, at some time about now. */
int pylstm_team_awake(const pylstm_team *);

/* Become the owner: 1, or 0 when somebody else is. */
int pylstm_team_acquire(pylstm_team *);
void pylstm_team_release(pylstm_team *);

/* part(task, from, to) over all of [0, count), cut at multiples of grain; by the caller alone when
   team is NULL. The caller owns the team. Returns when all is done. */
void pylstm_share_out(pylstm_team *, pylstm_part part, void *task, ptrdiff_t count,
                      ptrdiff_t grain);

static inline void pylstm_share(pylstm_team *team, pylstm_part part, void *task, ptrdiff_t count,
                                ptrdiff_t grain)
{
    if (team)
        pylstm_share_out(team, part, task, count, grain);
    else
        part(task, 0, count);
}

/* Help until nobody has owned the team for `patience` looks. */
void pylstm_help(pylstm_team *, int64_t patience);

#endif
