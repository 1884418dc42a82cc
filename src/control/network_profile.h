// The kinds of networks, and what suits each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace millrace {

// How quickly a chunk size follows the link (ChunkSizer).
enum class SizingMode : uint8_t { kAggressive, kBalanced, kConservative };

enum class NetworkProfile : uint8_t {
  kAuto,  // By measurement, without bounds of its own.
  kLanEthernet,
  kLanWifi,
  kInternet,
  kInternetPoor,
  kMobile,
};

struct ProfileLimits {
  size_t least_lanes;
  size_t most_lanes;
  size_t least_chunk_bytes;
  size_t most_chunk_bytes;
  SizingMode mode;
};

ProfileLimits LimitsOf(NetworkProfile profile);

// What is known of a path. Every number is finite and not negative.
struct PathFacts {
  bool host_pair = false;  // Both ends of the candidate pair are host candidates.
  bool cellular = false;   // The device says so.
  double rtt_ms = 0;
  double jitter_ms = 0;
  double loss = 0;  // 0 to 1.
};

// Round trips on a LAN are shorter (B5).
inline constexpr double kLanRttMs = 10;

inline bool IsLan(const PathFacts& path) { return path.host_pair && path.rtt_ms < kLanRttMs; }
// The profile that a path looks like; never kAuto.
NetworkProfile DetectProfile(const PathFacts& path);

// The names of the outside: 'lan-ethernet', 'balanced'. Nothing for any other.
std::string_view NameOf(NetworkProfile profile);
std::string_view NameOf(SizingMode mode);
std::optional<NetworkProfile> ProfileFromName(std::string_view name);
std::optional<SizingMode> ModeFromName(std::string_view name);

}  // namespace millrace
