/*
 * buffer.h
 *	  A byte buffer that grows.
 *
 * Growing moves it: what must outlive an append is kept as an offset.
 */
#ifndef MEDALLION_BUFFER_H
#define MEDALLION_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer
{
	char	   *data;			/* NULL until first used */
	size_t		length;
	size_t		capacity;
} Buffer;

/* Makes room for so many bytes more; false when memory ran out. */
extern bool BufferReserve(Buffer *buffer, size_t extra);

/* Appends bytes; false when memory ran out. */
extern bool BufferAppend(Buffer *buffer, const void *data, size_t length);

/* Removes bytes from the front. */
extern void BufferDropFront(Buffer *buffer, size_t length);

extern void BufferFree(Buffer *buffer);

#endif							/* MEDALLION_BUFFER_H */
