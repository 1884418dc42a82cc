// Every limit of the protocol in one place (PROTOCOL, "Limits").
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/leaf.h"

namespace millrace {

// Chromium closes a channel on a longer message (libwebrtc announces 262,144 as
// a=max-message-size).
inline constexpr size_t kMaxMessageBytes = 256 * 1024;
// A lane whose channel carries less is refused: one leaf with its headers must fit, which with
// privacy is the least that a record carries.
inline constexpr size_t kMinMessageBytes = 17 * 1024;
// Control records stay small so that acknowledgements never wait behind a long one.
inline constexpr size_t kMaxControlRecordBytes = 16 * 1024;

// A pulse record fits into one packet of SCTP, with 1,160 bytes of payload, since a second packet
// would double the chance that it is lost.
inline constexpr size_t kMaxPulseRecordBytes = 1024;

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

// What is kept of the files of all open transfers, both ways, and what waits to be said to the peer
// may take so much together: what is left of the 32 MiB of the WebAssembly core beside the pools
// for payload (19 MiB), code and stack, and 2 MiB for everything else.
inline constexpr size_t kMaxStateBytes = 9'961'472;
// Of that, offers leave so much to what else has to be said.
inline constexpr size_t kStateReserveBytes = 512 * 1024;
// What a file takes at most beside its names: sizes, ranges, hashes and the allocator's share.
inline constexpr size_t kOutgoingFileBytes = 176;
inline constexpr size_t kIncomingFileBytes = 160;
// ... until it is whole, or while its manifest is not: its ranges and hash tree, or its entry in
// the set of paths.
inline constexpr size_t kUnfinishedFileBytes = 80;
inline constexpr size_t kFolderBytes = 32;

// Control records that are not yet known to have arrived. A receiver of 100 MB/s in records of
// 16 KiB says 3,200 acknowledgements a second; this is ten seconds of them, in 1 MiB.
inline constexpr size_t kMaxUnackedControlRecords = 32'768;

inline constexpr size_t kMaxAckRanges = 64;
// Gaps between whole leaves that one side keeps in all files together that it receives, in all that
// it sends, and gaps between the records of a lane; a peer that tears more holes breaks the
// protocol. A sender's pool of 9 MiB holds 576 leaves, and each of those that has not arrived whole
// tears one gap at most, however short the records are. A gap takes 16 bytes, and 48 for the hash
// beside it. The parts of a leaf that is not whole are no gaps: credit bounds them
// (receive/partial_leaves.h).
inline constexpr size_t kMaxGaps = 4096;

}  // namespace millrace
