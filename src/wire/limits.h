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
// Of one MESSAGE frame, and of the application's message that several of them make: a batch of the
// mesh fits.
inline constexpr size_t kMaxMessagePartBytes = 15 * 1024;
inline constexpr size_t kMaxAppMessageBytes = 72 * 1024;
// Transfers of one direction that are offered or running at once, and their files together: what is
// kept of a file beside its name must not add up to more memory than there is.
inline constexpr size_t kMaxOpenTransfers = 64;
inline constexpr uint32_t kMaxOpenFiles = 20'000;
// Different folders in the paths of all offers whose manifest is not yet whole: a path of 66 bytes
// can name 31 that no other one does.
inline constexpr size_t kMaxFolders = 2 * size_t{kMaxOpenFiles};
// Memory that the paths and types of all open incoming manifests may take together.
inline constexpr size_t kMaxManifestBytes = 4 * 1024 * 1024;

// Control records that are not yet known to have arrived. A receiver of 100 MB/s in records of
// 16 KiB says 3,200 acknowledgements a second; this is ten seconds of them, in 1 MiB.
inline constexpr size_t kMaxUnackedControlRecords = 32'768;

inline constexpr size_t kMaxAckRanges = 64;
// Gaps that one side keeps in all files together that it receives, in all that it sends, and per
// lane; a peer that tears more holes breaks the protocol. A sender has no more than 640 pieces on
// their way, and each tears one at most.
inline constexpr size_t kMaxGaps = 4096;

}  // namespace millrace
