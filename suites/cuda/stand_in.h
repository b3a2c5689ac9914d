/* What the libraries that stand in for CUDA's share. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* In driver.c. */
void stand_in_ask(void *stream, void (*act)(void *), const void *data, size_t bytes);
int stand_in_captures(void *stream);
void stand_in_wait(void *stream);
void stand_in_takes(void *place, size_t bytes, void *stream);
