/*
 * X25519 in the WebAssembly core, instead of libsodium's x25519_ref10.c, whose multiplication of the base point takes a table
 * of 30 KiB that no compression makes smaller. Here the ladder does that too, with 9 as the point (RFC 7748, section 6.1): the
 * same bytes, more slowly, a few times in a handshake. libsodium's ladder is taken as it is; what nobody calls is not linked.
 */
#define crypto_scalarmult_curve25519_ref10_implementation millrace_unused_implementation
#include "crypto_scalarmult/curve25519/ref10/x25519_ref10.c"
#undef crypto_scalarmult_curve25519_ref10_implementation

static int MultiplyBasePoint(unsigned char *q, const unsigned char *n) {
  static const unsigned char kBasePoint[32] = {9};
  return crypto_scalarmult_curve25519_ref10(q, n, kBasePoint);
}

extern struct crypto_scalarmult_curve25519_implementation crypto_scalarmult_curve25519_ref10_implementation;
struct crypto_scalarmult_curve25519_implementation crypto_scalarmult_curve25519_ref10_implementation = {
    .mult = crypto_scalarmult_curve25519_ref10,
    .mult_base = MultiplyBasePoint,
};
