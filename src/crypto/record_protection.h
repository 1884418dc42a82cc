// Sealing and opening what a record carries: XChaCha20-Poly1305 with the packet number as nonce and
// the record's header as additional data (PROTOCOL, "Records").
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "crypto/secret.h"

namespace millrace {

inline constexpr size_t kTagBytes = 16;

// Seals `plaintext` into `out`: ciphertext, then tag. `out` is kTagBytes longer than `plaintext`
// and does not overlap it. The caller never repeats `number` under one key. Cost: one pass over the
// bytes; no allocation. Source: requirement C3, design principle 3.
void Seal(const SecretKey& key, PacketNumber number, ByteView header, ByteView plaintext,
          MutableByteView out);

// Opens `sealed` (ciphertext and tag) in place and answers the plaintext, its first part.
// Errors: nothing where the tag does not fit; the bytes are then of no use.
std::optional<MutableByteView> Open(const SecretKey& key, PacketNumber number, ByteView header,
                                    MutableByteView sealed);

}  // namespace millrace
