#include "control/chunk_ladder.h"

namespace millrace {
namespace {

constexpr size_t kKiB = 1024;

size_t DefaultStep(const LinkState& link) {
  if (link.rtt_ms < 10 && link.loss < 0.01) return 256 * kKiB;
  if (link.rtt_ms < 50 && link.loss < 0.05) return 128 * kKiB;
  if (link.rtt_ms < 100 && link.loss < 0.10) return 64 * kKiB;
  if (link.rtt_ms < 200) return 32 * kKiB;
  return 16 * kKiB;
}

size_t StrictStep(const LinkState& link) {
  if (link.rtt_ms < 10 && link.loss < 0.001) return 256 * kKiB;
  if (link.rtt_ms < 50 && link.loss < 0.01) return 128 * kKiB;
  if (link.rtt_ms < 100 && link.loss < 0.05) return 64 * kKiB;
  if (link.rtt_ms < 200 || link.loss < 0.1) return 32 * kKiB;
  return 16 * kKiB;
}

}  // namespace

size_t ChunkBytesFor(Ladder ladder, const LinkState& link) {
  if (link.bytes_per_second > 500e6 && link.rtt_ms < 5 && link.loss < 0.001) return 4096 * kKiB;
  if (link.bytes_per_second > 100e6 && link.rtt_ms < 10 && link.loss < 0.01) return 1024 * kKiB;
  return ladder == Ladder::kStrict ? StrictStep(link) : DefaultStep(link);
}

}  // namespace millrace
