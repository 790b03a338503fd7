/* By hand, on the way from the last released version: what a difference of scripts cannot say. */
