#include "receive/receiver.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace millrace {
namespace {

// A receiver whose peer offers transfers and sends data within its credit.
struct Fixture {
  explicit Fixture(size_t pool_bytes = Receiver::kPoolBytes)
      : receiver(pool_bytes, memory, frames, events) {
    receiver.SetRole(Role::kResponder);
  }

  TransferId Offer(uint64_t size, uint32_t files = 1) {
    const TransferId id(next++ * 2);
    std::vector<uint8_t> bytes(files * 32);
    ByteWriter writer(bytes);
    for (uint32_t i = 0; i < files; ++i) EncodeFileEntry(FileEntry{size, 0, "f", ""}, writer);
    REQUIRE(receiver.OnManifest(ManifestFrame{id, {}, files, 0, files, writer.written()}).ok());
    receiver.Accept(id);
    return id;
  }

  Status Send(TransferId id, uint64_t offset, size_t length, uint32_t file = 0) {
    std::optional<PoolBuffer> buffer = receiver.Allocate(length + 50);
    REQUIRE(buffer);
    const ByteView payload = buffer->bytes().first(length);
    return receiver.OnData(DataFrame{id, FileIndex(file), offset, payload}, *buffer);
  }

  // Sends leaf by leaf until the credit is used up; answers how many bytes went.
  uint64_t SendAll(TransferId id) {
    receiver.GrantCredit();
    uint64_t sent = 0;
    while (Granted(id) - Find(id)->arrived_bytes >= kLeafBytes) {
      REQUIRE(Send(id, Find(id)->arrived_bytes, kLeafBytes).ok());
      sent += kLeafBytes;
    }
    return sent;
  }

  // The sink of `id` takes all that has come; the others' writes wait.
  void Store(TransferId id) {
    while (const auto write = receiver.PollWrite()) writes.push_back(*write);
    for (const WriteRequest& write : writes) {
      if (write.transfer == id) receiver.WriteDone(write.write);
    }
    std::erase_if(writes, [id](const WriteRequest& write) { return write.transfer == id; });
  }

  const IncomingTransfer* Find(TransferId id) const { return receiver.Find(id); }
  uint64_t Granted(TransferId id) const { return Find(id)->granted; }

  MemoryBudget memory{kMaxStateBytes};
  FrameQueue frames{memory};
  EventQueue events;
  Receiver receiver;
  uint32_t next = 0;
  std::vector<WriteRequest> writes;
};

constexpr uint64_t kLarge = 100'000'000;

TEST_CASE("one transfer has the whole window, and gets more as its sink takes what came") {
  Fixture f;
  const TransferId id = f.Offer(kLarge);
  CHECK(f.Granted(id) == Receiver::kWindowBytes);
  f.SendAll(id);
  CHECK(f.SendAll(id) == 0);
  f.Store(id);
  CHECK(f.SendAll(id) == Receiver::kWindowBytes);
}

TEST_CASE("transfers that move share the window evenly") {
  Fixture f;
  const TransferId one = f.Offer(kLarge);
  const TransferId two = f.Offer(kLarge);
  for (int round = 0; round < 20; ++round) {
    for (const TransferId id : {one, two}) {
      f.SendAll(id);
      f.Store(id);
    }
  }
  f.receiver.GrantCredit();
  for (const TransferId id : {one, two}) {
    CHECK(f.Find(id)->outstanding_bytes() == Receiver::kWindowBytes / 2);
  }
}

TEST_CASE("a transfer that stands still leaves credit to as many others as there may be") {
  Fixture f;
  uint64_t outstanding = 0;
  for (size_t i = 0; i < kMaxOpenTransfers; ++i) {
    const TransferId id = f.Offer(kLarge);
    f.SendAll(id);
    CHECK(f.Granted(id) >= Receiver::kLeastWindowBytes);
    outstanding += f.Find(id)->outstanding_bytes();
  }
  CHECK(outstanding <=
        Receiver::kMostGrantedBytes + kMaxOpenTransfers * Receiver::kLeastWindowBytes);
  // The second one is not left with the least.
  CHECK(f.Granted(TransferId(2)) == (Receiver::kMostGrantedBytes - Receiver::kWindowBytes) / 2);
}

TEST_CASE("all credit fits into the pool, in the shortest records, and a message beside it") {
  Fixture f;
  for (size_t i = 0; i < kMaxOpenTransfers; ++i) f.SendAll(f.Offer(kLarge));
  CHECK(f.receiver.Allocate(kMaxMessageBytes));
}

TEST_CASE("a full pool has room for a control message") {
  Fixture f(64 * 1024);
  std::vector<PoolBuffer> held;
  while (auto buffer = f.receiver.Allocate(100)) held.push_back(std::move(*buffer));
  std::optional<PoolBuffer> message = f.receiver.AllocateControl(kMaxControlRecordBytes);
  REQUIRE(message);
  message.reset();
  CHECK(f.receiver.AllocateControl(kMaxControlRecordBytes));
}

TEST_CASE("a control message that is kept takes the next one's room only while the pool is full") {
  Fixture f(64 * 1024);
  const std::optional<PoolBuffer> kept = f.receiver.AllocateControl(kMaxControlRecordBytes);
  REQUIRE(kept);
  CHECK(f.receiver.AllocateControl(kMaxControlRecordBytes));
}

TEST_CASE("the window of a transfer that ends goes to the others") {
  Fixture f;
  const TransferId one = f.Offer(kLarge);
  f.SendAll(one);
  const TransferId two = f.Offer(kLarge);
  f.SendAll(two);
  f.receiver.Fail(one, Error{ErrorCode::kCancelled, ""}, true);
  f.Store(one);
  f.SendAll(two);
  CHECK(f.Find(two)->outstanding_bytes() == Receiver::kWindowBytes);
}

TEST_CASE("credit ends with the transfer, and data past it is a violation") {
  Fixture f;
  const TransferId small = f.Offer(100);
  CHECK(f.Granted(small) == 100);
  const TransferId large = f.Offer(kLarge);
  while (f.Granted(large) > f.Find(large)->arrived_bytes) {
    REQUIRE(f.Send(large, f.Find(large)->arrived_bytes, kLeafBytes).ok());
  }
  const Status status = f.Send(large, f.Find(large)->arrived_bytes, kLeafBytes);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == ErrorCode::kProtocolViolation);
}

TEST_CASE("bytes that came before are taken once, and their memory goes at once") {
  Fixture f;
  const TransferId id = f.Offer(kLarge);
  REQUIRE(f.Send(id, 0, kLeafBytes).ok());
  const size_t used = f.receiver.pool_used_bytes();
  REQUIRE(f.Send(id, 0, kLeafBytes).ok());
  CHECK(f.receiver.pool_used_bytes() == used);
  CHECK(f.Find(id)->arrived_bytes == kLeafBytes);
  f.Store(id);
  CHECK(f.receiver.pool_used_bytes() == 0);
  CHECK(f.Find(id)->written_bytes == kLeafBytes);
}

TEST_CASE("an offer that finds no memory is cancelled, and the session goes on") {
  Fixture f;
  MemoryShare taken(f.memory);
  REQUIRE(taken.Resize(kMaxStateBytes - 2 * kStateReserveBytes));
  const auto offer = [&f](uint32_t files) {
    const TransferId id(f.next++ * 2);
    std::vector<uint8_t> bytes(10'000);
    ByteWriter writer(bytes);
    for (int i = 0; i < 40; ++i) {
      EncodeFileEntry(FileEntry{1, 0, std::string(200, 'f'), ""}, writer);
    }
    for (uint32_t first = 0; first < files; first += 40) {
      REQUIRE(
          f.receiver.OnManifest(ManifestFrame{id, {}, files, first, 40, writer.written()}).ok());
    }
    return id;
  };
  // At once where already the number of files is too much, else with its part of the names.
  const TransferId id = offer(GENERATE(20'000u, 1'600u));
  CHECK(f.Find(id) == nullptr);
  CHECK_FALSE(f.frames.empty());
  CHECK_FALSE(f.frames.overflowed());
  CHECK(f.Find(offer(400)) != nullptr);
}

TEST_CASE("a transfer that fails gives back its memory when its sink does") {
  Fixture f;
  const TransferId id = f.Offer(kLarge);
  REQUIRE(f.Send(id, 0, kLeafBytes).ok());
  const std::optional<WriteRequest> write = f.receiver.PollWrite();
  REQUIRE(write);
  REQUIRE(f.Send(id, kLeafBytes, kLeafBytes).ok());
  f.receiver.Fail(id, Error{ErrorCode::kOutOfSpace, ""}, false);
  CHECK_FALSE(f.receiver.PollWrite());
  CHECK(f.receiver.pool_used_bytes() > 0);
  f.receiver.WriteDone(write->write);
  CHECK(f.receiver.pool_used_bytes() == 0);
}

}  // namespace
}  // namespace millrace
