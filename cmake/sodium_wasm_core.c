/*
 * sodium_init() for the WebAssembly core. libsodium's own chooses an implementation for each of its algorithms and thereby
 * links them all; those that the core has no use for (65 kB) are not chosen here.
 */
#include "private/implementations.h"

static int ChooseNothing(void) { return 0; }

#define _crypto_pwhash_argon2_pick_best_implementation ChooseNothing
#define _crypto_stream_salsa20_pick_best_implementation ChooseNothing
#define _crypto_aead_aegis128l_pick_best_implementation ChooseNothing
#define _crypto_aead_aegis256_pick_best_implementation ChooseNothing
#include "sodium/core.c"
