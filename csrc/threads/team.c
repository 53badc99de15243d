/* team.c: offering and claiming pieces of a loop; see team.h. */
#include "threads/team.h"

#include "simd/denormals.h"

enum { MOST_PIECES = 0xffff };

static ptrdiff_t piece_start(const pylstm_team *team, ptrdiff_t piece)
{
    const ptrdiff_t units = (team->count + team->grain - 1) / team->grain;
    const ptrdiff_t start = units * piece / team->n_pieces * team->grain;
    return start < team->count ? start : team->count;
}

static void do_piece(const pylstm_team *team, ptrdiff_t piece)
{
    const ptrdiff_t from = piece_start(team, piece), to = piece_start(team, piece + 1);
    if (from < to)
        team->part(team->task, from, to);
}

#if defined(__GNUC__)
static void pause_a_little(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

int pylstm_team_size(const pylstm_team *team)
{
    return __atomic_load_n(&team->n_threads, __ATOMIC_RELAXED);
}

void pylstm_team_resize(pylstm_team *team, int n_threads)
{
    __atomic_store_n(&team->n_threads, n_threads, __ATOMIC_RELAXED);
}

int pylstm_team_awake(const pylstm_team *team)
{
    return __atomic_load_n(&team->n_awake, __ATOMIC_RELAXED);
}

int pylstm_team_acquire(pylstm_team *team)
{
    return __atomic_exchange_n(&team->busy, 1, __ATOMIC_ACQUIRE) == 0;
}

void pylstm_team_release(pylstm_team *team)
{
    __atomic_store_n(&team->busy, 0, __ATOMIC_RELEASE);
}

/* Claim a piece from the front or the back; -1 when none is left. Whoever succeeds may read the
   loop: its owner waits for the piece. */
static ptrdiff_t claim_piece(pylstm_team *team, int from_front)
{
    uint64_t old = __atomic_load_n(&team->claim, __ATOMIC_ACQUIRE);
    for (;;) {
        const uint64_t front = old >> 16 & 0xffff, back = old & 0xffff;
        if (front >= back)
            return -1;
        const uint64_t new = from_front ? old + 0x10000 : old - 1;
        if (__atomic_compare_exchange_n(&team->claim, &old, new, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return (ptrdiff_t)(from_front ? front : back - 1);
    }
}

void pylstm_share_out(pylstm_team *team, pylstm_part part, void *task, ptrdiff_t count,
                      ptrdiff_t grain)
{
    const ptrdiff_t units = (count + grain - 1) / grain;
    const ptrdiff_t n_threads = pylstm_team_size(team);
    const ptrdiff_t n_pieces = n_threads < units ? n_threads : units;
    if (n_pieces < 2) {
        if (count > 0)
            part(task, 0, count);
        return;
    }
    team->part = part;
    team->task = task;
    team->count = count;
    team->grain = grain;
    team->n_pieces = n_pieces < MOST_PIECES ? n_pieces : MOST_PIECES;
    __atomic_store_n(&team->finished, 0, __ATOMIC_RELAXED);
    const uint64_t loop = (__atomic_load_n(&team->claim, __ATOMIC_RELAXED) >> 32) + 1;
    __atomic_store_n(&team->claim, loop << 32 | (uint64_t)team->n_pieces, __ATOMIC_RELEASE);
    ptrdiff_t piece, own = 0;
    for (; (piece = claim_piece(team, 1)) >= 0; own++)
        do_piece(team, piece);
    while (__atomic_load_n(&team->finished, __ATOMIC_ACQUIRE) < team->n_pieces - own)
        pause_a_little();
}

void pylstm_help(pylstm_team *team, int64_t patience)
{
    const flush_state saved = flush_denormals();
    __atomic_add_fetch(&team->n_awake, 1, __ATOMIC_ACQ_REL);
    for (int64_t looks = 0; looks < patience; looks++) {
        const ptrdiff_t piece = claim_piece(team, 0);
        if (piece >= 0) {
            do_piece(team, piece);
            __atomic_add_fetch(&team->finished, 1, __ATOMIC_RELEASE);
            looks = 0;
        } else {
            if (__atomic_load_n(&team->busy, __ATOMIC_RELAXED))
                looks = 0;
            pause_a_little();
        }
    }
    __atomic_sub_fetch(&team->n_awake, 1, __ATOMIC_ACQ_REL);
    restore_denormals(saved);
}
#else
/* Without atomics: nobody helps. */
int pylstm_team_size(const pylstm_team *team)
{
    return team->n_threads;
}

void pylstm_team_resize(pylstm_team *team, int n_threads)
{
    team->n_threads = n_threads;
}

int pylstm_team_awake(const pylstm_team *team)
{
    return team->n_awake;
}

int pylstm_team_acquire(pylstm_team *team)
{
    (void)team;
    return 0;
}

void pylstm_team_release(pylstm_team *team)
{
    (void)team;
}

void pylstm_share_out(pylstm_team *team, pylstm_part part, void *task, ptrdiff_t count,
                      ptrdiff_t grain)
{
    (void)team, (void)grain;
    if (count > 0)
        part(task, 0, count);
}

void pylstm_help(pylstm_team *team, int64_t patience)
{
    (void)team, (void)patience;
}
#endif
