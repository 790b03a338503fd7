/*
 * buffer.c
 *	  A byte buffer that grows.
 */
#include "file/buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

/* Makes room for so many bytes more; false when memory ran out. */
bool
BufferReserve(Buffer *buffer, size_t extra)
{
	size_t		capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	char	   *data;

	if (extra <= buffer->capacity - buffer->length)
		return true;
	if (extra > SIZE_MAX / 4 - buffer->length)
		return false;
	while (capacity < buffer->length + extra)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* Appends bytes; false when memory ran out. */
bool
BufferAppend(Buffer *buffer, const void *data, size_t length)
{
	if (!BufferReserve(buffer, length))
		return false;
	if (length > 0)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	return true;
}

/* Removes bytes from the front. */
void
BufferDropFront(Buffer *buffer, size_t length)
{
	if (length == 0)
		return;
	buffer->length -= length;
	memmove(buffer->data, buffer->data + length, buffer->length);
}

/* Frees the memory; the buffer can be used again. */
void
BufferFree(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}
