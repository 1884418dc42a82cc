/*
 * Keccak-f[1600] in the WebAssembly core, written as FIPS 202, section 3.2, defines it, instead of libsodium's
 * keccak1600_ref.c, whose unrolled rounds are 14 kB of code. X-Wing and ML-KEM hash a few kilobytes in a handshake.
 * tests/vectors has what both must answer.
 */
#include "crypto_core/keccak1600/ref/keccak1600_ref.h"

#include <stdint.h>
#include <string.h>

enum { kLanes = 25, kRounds = 24, kReducedRounds = 12, kStateBytes = 200 };

/* The round constants of iota (section 3.2.5): the bits at 2^j - 1 are the next seven of a shift register. */
static uint64_t NextRoundConstant(uint8_t *lfsr) {
  uint64_t constant = 0;
  for (unsigned int j = 0; j < 7; ++j) {
    if (*lfsr & 1) constant |= UINT64_C(1) << ((1U << j) - 1);
    *lfsr = (uint8_t)((*lfsr << 1) ^ ((*lfsr >> 7) * 0x71));
  }
  return constant;
}

static uint64_t RotateLeft(uint64_t value, unsigned int count) {
  return (value << (count & 63)) | (value >> ((64 - count) & 63));
}

static void Round(uint64_t a[kLanes], uint64_t constant) {
  uint64_t c[5];
  /* Theta. */
  for (unsigned int x = 0; x < 5; ++x) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
  for (unsigned int x = 0; x < 5; ++x) {
    const uint64_t d = c[(x + 4) % 5] ^ RotateLeft(c[(x + 1) % 5], 1);
    for (unsigned int y = 0; y < kLanes; y += 5) a[y + x] ^= d;
  }
  /* Rho and pi: one walk over all lanes but the first, turned by the triangular numbers. */
  unsigned int x = 1;
  unsigned int y = 0;
  uint64_t moving = a[1];
  for (unsigned int t = 0; t < 24; ++t) {
    const unsigned int next = (2 * x + 3 * y) % 5;
    x = y;
    y = next;
    const uint64_t displaced = a[5 * y + x];
    a[5 * y + x] = RotateLeft(moving, (t + 1) * (t + 2) / 2 % 64);
    moving = displaced;
  }
  /* Chi. */
  for (y = 0; y < kLanes; y += 5) {
    memcpy(c, a + y, sizeof c);
    for (x = 0; x < 5; ++x) a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
  }
  a[0] ^= constant;
}

/* The last `rounds` of the 24. The lanes of the state are little-endian, as WebAssembly is. */
static void Permute(void *state, unsigned int rounds) {
  uint64_t a[kLanes];
  memcpy(a, state, sizeof a);
  uint8_t lfsr = 1;
  for (unsigned int round = 0; round < kRounds; ++round) {
    const uint64_t constant = NextRoundConstant(&lfsr);
    if (round >= kRounds - rounds) Round(a, constant);
  }
  memcpy(state, a, sizeof a);
}

void keccak1600_ref_permute_24(void *state) { Permute(state, kRounds); }

void keccak1600_ref_permute_12(void *state) { Permute(state, kReducedRounds); }

void keccak1600_ref_init(void *state) { memset(state, 0, kStateBytes); }

void keccak1600_ref_xor_bytes(void *state, const unsigned char *bytes, size_t offset, size_t length) {
  unsigned char *out = (unsigned char *)state + offset;
  for (size_t i = 0; i < length; ++i) out[i] ^= bytes[i];
}

void keccak1600_ref_extract_bytes(const void *state, unsigned char *bytes, size_t offset, size_t length) {
  memcpy(bytes, (const unsigned char *)state + offset, length);
}
