#include "control/network_profile.h"

#include <catch2/catch_test_macros.hpp>

namespace millrace {
namespace {

TEST_CASE("each profile has the lanes, chunks and mode that are prescribed") {
  struct Row {
    NetworkProfile profile;
    size_t least_lanes, most_lanes, least_kib, most_kib;
    SizingMode mode;
  };
  const Row rows[] = {
      {NetworkProfile::kLanEthernet, 3, 4, 256, 4096, SizingMode::kAggressive},
      {NetworkProfile::kLanWifi, 3, 3, 256, 1024, SizingMode::kAggressive},
      {NetworkProfile::kInternet, 2, 3, 64, 128, SizingMode::kBalanced},
      {NetworkProfile::kInternetPoor, 2, 2, 32, 64, SizingMode::kConservative},
      {NetworkProfile::kMobile, 1, 2, 16, 64, SizingMode::kBalanced},
      {NetworkProfile::kAuto, 1, 64, 16, 4096, SizingMode::kBalanced},
  };
  for (const Row& row : rows) {
    INFO(NameOf(row.profile));
    const ProfileLimits limits = LimitsOf(row.profile);
    CHECK(limits.least_lanes == row.least_lanes);
    CHECK(limits.most_lanes == row.most_lanes);
    CHECK(limits.least_chunk_bytes == row.least_kib * 1024);
    CHECK(limits.most_chunk_bytes == row.most_kib * 1024);
    CHECK(limits.mode == row.mode);
    CHECK(ProfileFromName(NameOf(row.profile)) == row.profile);
  }
}

TEST_CASE("a path is recognised by its candidates, its round trip, its jitter and its losses") {
  struct Row {
    PathFacts path;
    NetworkProfile profile;
  };
  const Row rows[] = {
      {{.host_pair = true, .rtt_ms = 9.99, .jitter_ms = 0.99}, NetworkProfile::kLanEthernet},
      {{.host_pair = true, .rtt_ms = 9.99, .jitter_ms = 1}, NetworkProfile::kLanWifi},
      {{.host_pair = true, .rtt_ms = 10}, NetworkProfile::kInternet},
      {{.host_pair = false, .rtt_ms = 1}, NetworkProfile::kInternet},
      {{.rtt_ms = 99.9, .loss = 0.0999}, NetworkProfile::kInternet},
      {{.rtt_ms = 100}, NetworkProfile::kInternetPoor},
      {{.rtt_ms = 20, .loss = 0.1}, NetworkProfile::kInternetPoor},
      {{.host_pair = true, .cellular = true, .rtt_ms = 1}, NetworkProfile::kMobile},
  };
  for (const Row& row : rows) CHECK(NameOf(DetectProfile(row.path)) == NameOf(row.profile));
}

TEST_CASE("names that are none are nothing") {
  CHECK(ModeFromName("conservative") == SizingMode::kConservative);
  CHECK_FALSE(ModeFromName("fast"));
  CHECK_FALSE(ProfileFromName(""));
}

}  // namespace
}  // namespace millrace
