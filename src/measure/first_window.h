// The first congestion window of an SCTP association in libwebrtc.
#pragma once

namespace millrace {

// dcSCTP starts with ten packets (RFC 6928), each with 1,160 bytes of file.
inline constexpr double kFirstWindowBytes = 10 * 1160;

}  // namespace millrace
