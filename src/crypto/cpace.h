// CPace: two sides that share a short code agree on a strong secret, and who does not know the code
// gets one guess for each run and nothing to work on afterwards.
//
// CPACE-RISTR255-SHA512 of draft-irtf-cfrg-cpace-21, with the transcript for sides without roles
// (o_cat): our shares are fixed, under a commitment, before it is known who the initiator is.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace millrace {

using CpaceShare = std::array<uint8_t, 32>;
using CpaceSecret = Secret<64>;

// Besides the code, what both sides have to have in common.
struct CpaceContext {
  ByteView channel;  // CI
  ByteView session;  // sid
};

// The share of a side: its scalar times the generator of the code. `scalar`: 32 uniformly random
// bytes; turned into the scalar in place, and needed again for CpaceFinish. Errors: nothing for the
// scalar 0. Cost: two multiplications, about 0.2 ms. Source: the draft, sections 7.2 and 8.3.
std::optional<CpaceShare> CpaceBegin(ByteView code, const CpaceContext& context, SecretKey& scalar);

// What one side has sent: its share, and data that is to be the same for both (AD).
struct CpaceMessage {
  CpaceShare share;
  ByteView associated_data;
};

// The intermediate session key (ISK), the same on both sides only with the same code, context and
// messages. Errors: nothing where the peer's share is no point of the group or the neutral one.
std::optional<CpaceSecret> CpaceFinish(const SecretKey& scalar, const CpaceContext& context,
                                       const CpaceMessage& own, const CpaceMessage& peer);

}  // namespace millrace
