#include "control/network_profile.h"

#include <algorithm>
#include <array>

#include "control/chunk_ladder.h"

namespace millrace {
namespace {

constexpr size_t kKiB = 1024;

// Cables and switches add microseconds; a shared air adds milliseconds now and then.
constexpr double kEthernetJitterMs = 1;

constexpr std::array<std::string_view, 6> kProfileNames{"auto",     "lan-ethernet",  "lan-wifi",
                                                        "internet", "internet-poor", "mobile"};
constexpr std::array<std::string_view, 3> kModeNames{"aggressive", "balanced", "conservative"};

template <typename Value, size_t count>
std::optional<Value> FromName(const std::array<std::string_view, count>& names,
                              std::string_view name) {
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) return std::nullopt;
  return static_cast<Value>(it - names.begin());
}

}  // namespace

ProfileLimits LimitsOf(NetworkProfile profile) {
  switch (profile) {
    case NetworkProfile::kAuto:
      break;
    case NetworkProfile::kLanEthernet:
      return {3, 4, 256 * kKiB, 4096 * kKiB, SizingMode::kAggressive};
    case NetworkProfile::kLanWifi:
      return {3, 3, 256 * kKiB, 1024 * kKiB, SizingMode::kAggressive};
    case NetworkProfile::kInternet:
      return {2, 3, 64 * kKiB, 128 * kKiB, SizingMode::kBalanced};
    case NetworkProfile::kInternetPoor:
      return {2, 2, 32 * kKiB, 64 * kKiB, SizingMode::kConservative};
    case NetworkProfile::kMobile:
      return {1, 2, 16 * kKiB, 64 * kKiB, SizingMode::kBalanced};
  }
  return {1, 64, kLeastChunkBytes, kMostChunkBytes, SizingMode::kBalanced};
}

NetworkProfile DetectProfile(const PathFacts& path) {
  if (path.cellular) return NetworkProfile::kMobile;
  if (IsLan(path)) {
    return path.jitter_ms < kEthernetJitterMs ? NetworkProfile::kLanEthernet
                                              : NetworkProfile::kLanWifi;
  }
  // Good enough for the chunks that the profile asks for.
  const size_t chunk = ChunkBytesFor(Ladder::kDefault, {path.rtt_ms, path.loss, 0});
  const bool good = chunk >= LimitsOf(NetworkProfile::kInternet).least_chunk_bytes;
  return good ? NetworkProfile::kInternet : NetworkProfile::kInternetPoor;
}

std::string_view NameOf(NetworkProfile profile) {
  return kProfileNames[static_cast<size_t>(profile)];
}

std::string_view NameOf(SizingMode mode) { return kModeNames[static_cast<size_t>(mode)]; }

std::optional<NetworkProfile> ProfileFromName(std::string_view name) {
  return FromName<NetworkProfile>(kProfileNames, name);
}

std::optional<SizingMode> ModeFromName(std::string_view name) {
  return FromName<SizingMode>(kModeNames, name);
}

}  // namespace millrace
