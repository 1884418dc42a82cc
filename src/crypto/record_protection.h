// Sealing and opening what a record carries: XChaCha20-Poly1305 with the packet number as nonce and
// the record's header as additional data; in a session without encryption the tag alone, over
// header and payload (PROTOCOL, "Records").
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "crypto/secret.h"

namespace millrace {

inline constexpr size_t kTagBytes = 16;

// Seals `plaintext` into `out`: ciphertext, then tag. `out` is kTagBytes longer than `plaintext`,
// and begins where that does or does not overlap it. The caller never repeats `number` under one
// key. Cost: one pass over the bytes; no allocation. Source: PROTOCOL, "Records".
void Seal(const SecretKey& key, PacketNumber number, ByteView header, ByteView plaintext,
          MutableByteView out);

// The same for a plaintext in two places, so that its larger part is not copied: the first
// `head_bytes` of `out`, which are sealed in place, and then `payload`. `out` is kTagBytes longer
// than both. Cost: as Seal for 16 KiB or more; 0.3 µs more for less.
void SealWithPayload(const SecretKey& key, PacketNumber number, ByteView header,
                     MutableByteView out, size_t head_bytes, ByteView payload);

// Opens `sealed` (ciphertext and tag) in place and answers the plaintext, its first part.
// Errors: nothing where the tag does not fit; the bytes are then of no use.
std::optional<MutableByteView> Open(const SecretKey& key, PacketNumber number, ByteView header,
                                    MutableByteView sealed);

// Writes the tag that keeps everything before it in `message` from being changed, to the last
// kTagBytes of it. The caller never repeats `number` under one key, here or in Seal.
void Authenticate(const SecretKey& key, PacketNumber number, MutableByteView message);

// Whether the tag at the end of `message` fits what is before it.
bool IsAuthentic(const SecretKey& key, PacketNumber number, ByteView message);

}  // namespace millrace
