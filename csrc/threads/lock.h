/* lock.h: a flag that one thread at a time may take; nobody waits for it. */
#ifndef PYLSTM_LOCK_H
#define PYLSTM_LOCK_H

/* 1 when it was free, 0 when somebody holds it. */
int pylstm_take(int *busy);
void pylstm_give(int *busy);

#endif
