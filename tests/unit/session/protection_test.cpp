// What a session does beside moving files: keys that change under way, padding, and going without
// encryption where both sides ask for it.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <map>
#include <set>
#include <vector>

#include "support/simulation.h"
#include "wire/padding.h"
#include "wire/record.h"

namespace millrace {
namespace {

using testing::LinkOptions;
using testing::SimFile;
using testing::Simulation;

bool BothDone(Simulation& sim) {
  return sim.a().Find(EventType::kDone) != nullptr && sim.b().Find(EventType::kDone) != nullptr;
}

TEST_CASE("keys change many times while a file crosses, on every lane, whatever is lost") {
  LinkOptions link;
  link.bulk_lanes = 2;
  link.jitter = Duration::Millis(60);
  link.reconnect_after = Duration::Millis(300);
  link.delivery = GENERATE(Delivery::kReliable, Delivery::kUnreliable);
  link.loss = 0.05;
  link.duplication = 0.05;
  SessionOptions options;
  options.records_per_epoch = 64;
  options.chunks = FixedChunks(16 * 1024);
  options.reconnect_timeout = Duration::Seconds(60);
  options.lane_timeout = Duration::Seconds(15);
  HandshakeOptions handshake;
  handshake.encryption = GENERATE(true, false);
  Simulation sim(21, link, {}, options, handshake);
  std::map<LaneId, std::set<uint8_t>> epochs;
  sim.tamper = [&epochs](size_t, LaneId lane, const std::vector<uint8_t>& message) {
    if (PeekRecordKind(message) == RecordKind::kSealed) epochs[lane].insert(message[1]);
    return true;
  };
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), sim.Files({20'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(id) > 10'000'000; }));
  sim.BreakConnection();
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  CHECK(sim.a().Find(EventType::kEstablished)->agreement.encrypted == handshake.encryption);
  REQUIRE(epochs.size() >= 4);
  CHECK(epochs[LaneId(1)].size() > 3);
  CHECK(epochs[kPulseLane].size() >= 3);
}

// What an observer of the channels sees.
struct Observed {
  std::set<size_t> control_bytes;
  std::set<size_t> bulk_bytes;
  uint64_t bulk_total = 0;
  uint64_t long_control_records = 0;
  bool content_shows = false;
};

Observed Observe(Simulation& sim, std::vector<SimFile> files) {
  Observed observed;
  std::vector<uint8_t> content(64);
  files[0].Fill(0, content);
  sim.tamper = [&](size_t, LaneId lane, const std::vector<uint8_t>& message) {
    if (PeekRecordKind(message) != RecordKind::kSealed) return true;
    if (IsOfControlConnection(lane)) {
      observed.control_bytes.insert(message.size());
      if (message.size() == kMaxControlRecordBytes) ++observed.long_control_records;
    } else if (message.size() != kRecordOverheadBytes + 1) {
      // All but what makes a young lane move, which is the same whatever is sent.
      observed.bulk_bytes.insert(message.size());
      observed.bulk_total += message.size() - kRecordOverheadBytes - kMaxDataHeaderBytes;
    }
    const auto found = std::search(message.begin(), message.end(), content.begin(), content.end());
    observed.content_shows = observed.content_shows || found != message.end();
    return true;
  };
  sim.Connect();
  const TransferId id = sim.Send(sim.a(), files);
  REQUIRE(sim.RunUntil([&sim] { return BothDone(sim); }));
  sim.RunFor(Duration::Seconds(1));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  return observed;
}

TEST_CASE("with privacy, an observer sees few sizes, and totals that many share") {
  HandshakeOptions handshake;
  handshake.privacy = true;
  const auto observe = [&handshake](const std::vector<uint64_t>& sizes) {
    Simulation sim(3, {}, {}, {}, handshake);
    return Observe(sim, sim.Files(sizes));
  };
  for (const std::vector<uint64_t>& sizes :
       {std::vector<uint64_t>{64}, {100'000, 7, 16'385}, {3'000'001}, {5'000'000, 0, 1'234'567}}) {
    const Observed observed = observe(sizes);
    for (const size_t bytes : observed.control_bytes) CHECK(PaddedControlBytes(bytes) == bytes);
    for (const size_t bytes : observed.bulk_bytes) {
      CHECK((bytes - kRecordOverheadBytes - kMaxDataHeaderBytes) % kLeafBytes == 0);
    }
    uint64_t leaves = 0;
    for (const uint64_t size : sizes) leaves += (size + kLeafBytes - 1) / kLeafBytes;
    CHECK(observed.bulk_total == PaddedTotal(leaves) * kLeafBytes);
    CHECK(observed.long_control_records == 1);
    CHECK_FALSE(observed.content_shows);
  }
  // 993 to 1,024 leaves look the same.
  CHECK(observe({993 * kLeafBytes}).bulk_total == observe({1024 * kLeafBytes - 3}).bulk_total);
}

TEST_CASE("with privacy, streams, empty files, cancels, pauses and lost lanes end as they should") {
  LinkOptions link;
  link.delivery = Delivery::kUnreliable;
  link.loss = 0.05;
  link.bulk_lanes = 2;
  HandshakeOptions handshake;
  handshake.privacy = true;
  handshake.encryption = GENERATE(true, false);
  Simulation sim(4, link, {}, {}, handshake);
  sim.Connect();
  std::vector<SimFile> files = sim.Files({0, 1, 2'000'003, 0});
  files[2].is_stream = true;
  const TransferId id = sim.Send(sim.a(), files);
  const TransferId back = sim.Send(sim.b(), sim.Files({1'500'000}));
  const TransferId cancelled = sim.Send(sim.a(), sim.Files({9'000'000}));
  REQUIRE(sim.RunUntil([&] { return sim.b().session->TransferBytes(cancelled) > 100'000; }));
  sim.b().session->Fail(cancelled, ErrorCode::kCancelled, "", sim.now());
  sim.a().session->SetPaused(id, true, sim.now());
  sim.RunFor(Duration::Seconds(2));
  sim.a().session->SetPaused(id, false, sim.now());
  sim.CloseLane(LaneId(1));
  REQUIRE(sim.RunUntil([&sim] {
    return sim.a().Count(EventType::kDone) == 2 && sim.b().Count(EventType::kDone) == 2;
  }));
  CHECK(sim.Delivered(sim.a(), sim.b(), id));
  CHECK(sim.Delivered(sim.b(), sim.a(), back));
  CHECK(sim.a().session->send_pool_used() == 0);
}

TEST_CASE("without encryption, bytes show, and none of them can be changed") {
  HandshakeOptions handshake;
  handshake.encryption = false;
  {
    Simulation sim(5, {}, {}, {}, handshake);
    CHECK(Observe(sim, sim.Files({500'000})).content_shows);
  }
  Simulation sim(5, {}, {}, {}, handshake);
  sim.Connect();
  sim.Send(sim.a(), sim.Files({5'000'000}));
  sim.RunFor(Duration::Millis(300));
  sim.tamper = [bent = false](size_t from, LaneId lane, std::vector<uint8_t>& message) mutable {
    if (!bent && from == 0 && !IsOfControlConnection(lane))
      message[message.size() / 2] ^= bent = true;
    return true;
  };
  CHECK(sim.RunUntil([&sim] { return sim.a().session->closed() && sim.b().session->closed(); }));
  CHECK(sim.b().CodeOf(EventType::kClosed) == "bad-record");
  CHECK(sim.Sound(sim.a(), sim.b()));
}

}  // namespace
}  // namespace millrace
