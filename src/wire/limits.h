// Every limit of the protocol in one place (PROTOCOL, "Limits"; design, principle 7).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/leaf.h"

namespace millrace {

// Chromium closes a channel on a longer message (libwebrtc announces 262,144 as
// a=max-message-size).
inline constexpr size_t kMaxMessageBytes = 256 * 1024;
// A lane whose channel carries less is refused: one leaf with its headers must fit.
inline constexpr size_t kMinMessageBytes = 17 * 1024;
// Control records stay small so that acknowledgements never wait behind a long one.
inline constexpr size_t kMaxControlRecordBytes = 16 * 1024;

// Sizes and offsets stay exact in JavaScript numbers: 2^53 − 1.
inline constexpr uint64_t kMaxFileBytes = (uint64_t{1} << 53) - 1;

inline constexpr size_t kMaxPathBytes = 4096;
inline constexpr size_t kMaxTypeBytes = 255;
inline constexpr size_t kMaxReasonBytes = 1024;
inline constexpr size_t kMaxSignalBytes = 15 * 1024;
inline constexpr uint32_t kMaxFilesPerTransfer = 20'000;
// Transfers of one direction that are offered or running at once.
inline constexpr size_t kMaxOpenTransfers = 64;
// Memory that the paths and types of all open incoming manifests may take together.
inline constexpr size_t kMaxManifestBytes = 4 * 1024 * 1024;

inline constexpr size_t kMaxAckRanges = 64;
// Gaps that a receiver keeps per file and per lane; a peer that tears more holes breaks the
// protocol.
inline constexpr size_t kMaxGaps = 4096;

}  // namespace millrace
