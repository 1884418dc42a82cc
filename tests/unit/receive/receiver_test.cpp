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

  // Sends records of this length, in order, until the credit is used up; answers how many bytes
  // went.
  uint64_t SendAll(TransferId id, size_t record_bytes = kLeafBytes) {
    receiver.GrantCredit();
    uint64_t sent = 0;
    while (Granted(id) - Find(id)->arrived_bytes >= record_bytes) {
      REQUIRE(Send(id, Find(id)->arrived_bytes, record_bytes).ok());
      sent += record_bytes;
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

TEST_CASE("all credit fits into the pool, in records of any size, and a message beside it") {
  Fixture f;
  const size_t grains =
      GENERATE(size_t{1}, size_t{3}, size_t{15}, size_t{16}, size_t{17}, size_t{46}, size_t{255});
  uint64_t sent = 0;
  for (size_t i = 0; i < kMaxOpenTransfers; ++i) {
    sent += f.SendAll(f.Offer(kLarge), grains * kGrainBytes);
  }
  CHECK(f.receiver.pool_used_bytes() <= sent / 16 * 17);
  CHECK(f.receiver.Allocate(kMaxMessageBytes));
}

TEST_CASE("credit in grains of leaves that stay incomplete takes no more memory than it grants") {
  Fixture f;
  const TransferId id = f.Offer(uint64_t{1} << 40);
  const uint64_t grains = f.Granted(id) / kGrainBytes;
  for (uint64_t i = 0; i < grains; ++i) {
    REQUIRE(f.Send(id, i * kLeafBytes + i % kLeafGrains * kGrainBytes, kGrainBytes).ok());
  }
  CHECK(f.receiver.partial_leaves() == grains);
  CHECK(f.receiver.pool_used_bytes() == Receiver::kWindowBytes);
  CHECK_FALSE(f.receiver.PollWrite());
  // The same again takes nothing, and more is past the credit.
  for (uint64_t i = 0; i < grains; ++i) {
    REQUIRE(f.Send(id, i * kLeafBytes + i % kLeafGrains * kGrainBytes, kGrainBytes).ok());
  }
  CHECK(f.receiver.pool_used_bytes() == Receiver::kWindowBytes);
  CHECK_FALSE(f.Send(id, grains * kLeafBytes, kGrainBytes).ok());
  f.receiver.Fail(id, Error{ErrorCode::kCancelled, ""}, false);
  CHECK(f.receiver.pool_used_bytes() == 0);
  CHECK(f.receiver.partial_leaves() == 0);
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

// A file of which each byte tells where it lies, and what the receiver wrote of it.
struct FileFixture : Fixture {
  explicit FileFixture(uint64_t size, bool known = true, size_t pool_bytes = Receiver::kPoolBytes)
      : Fixture(pool_bytes), bytes(size), written(size) {
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i / kGrainBytes * 31 + i);
    id = TransferId(next++ * 2);
    std::vector<uint8_t> entries(64);
    ByteWriter writer(entries);
    const std::optional<uint64_t> announced = known ? std::optional(size) : std::nullopt;
    EncodeFileEntry(FileEntry{announced, 0, "f", ""}, writer);
    REQUIRE(receiver.OnManifest(ManifestFrame{id, {}, 1, 0, 1, writer.written()}).ok());
    receiver.Accept(id);
  }

  // Sends bytes [begin, end), each changed by `change`.
  Status SendRange(uint64_t begin, uint64_t end, uint8_t change = 0) {
    const auto length = static_cast<size_t>(end - begin);
    std::optional<PoolBuffer> buffer = receiver.Allocate(length + 50);
    REQUIRE(buffer);
    const MutableByteView payload = buffer->bytes().last(length);
    for (size_t i = 0; i < length; ++i) {
      payload[i] = static_cast<uint8_t>(bytes[static_cast<size_t>(begin) + i] + change);
    }
    return receiver.OnData(DataFrame{id, FileIndex(0), begin, payload}, *buffer);
  }

  Status Complete() {
    HashTree tree;
    tree.AddBytes(0, bytes);
    return receiver.OnComplete(
        CompleteFrame{id, FileIndex(0), bytes.size(), tree.Root(bytes.size())});
  }

  // The sink takes all that waits; answers how many writes that were.
  size_t WriteAll() {
    size_t writes = 0;
    while (const auto write = receiver.PollWrite()) {
      std::copy(write->bytes.begin(), write->bytes.end(),
                written.begin() + static_cast<std::ptrdiff_t>(write->offset));
      receiver.WriteDone(write->write);
      ++writes;
    }
    return writes;
  }

  void CheckReceived() {
    WriteAll();
    CHECK(written == bytes);
    REQUIRE_FALSE(events.empty());
    CHECK(events.back().type == EventType::kFileReceived);
    CHECK(receiver.pool_used_bytes() == 0);
    CHECK(receiver.partial_leaves() == 0);
  }

  TransferId id;
  std::vector<uint8_t> bytes;
  std::vector<uint8_t> written;
};

TEST_CASE("files of all lengths arrive in records of all lengths, their size known or not") {
  std::vector<size_t> sizes = {0, 1};
  for (const size_t n : {kGrainBytes, kLeafBytes, kLeafBytes + kGrainBytes, 5 * kLeafBytes}) {
    for (const size_t size : {n - 1, n, n + 1}) sizes.push_back(size);
  }
  const bool known = GENERATE(true, false);
  const bool backwards = GENERATE(false, true);
  for (const size_t size : sizes) {
    for (const size_t grains : {size_t{1}, size_t{3}, size_t{15}, size_t{16}, size_t{17}}) {
      FileFixture f(size, known);
      const size_t record = grains * kGrainBytes;
      const size_t records = (size + record - 1) / record;
      for (size_t i = 0; i < records; ++i) {
        const size_t begin = (backwards ? records - 1 - i : i) * record;
        REQUIRE(f.SendRange(begin, std::min(begin + record, size)).ok());
      }
      REQUIRE(f.Complete().ok());
      f.CheckReceived();
    }
  }
}

TEST_CASE("records of a grain are written a leaf at a time") {
  FileFixture f(8 * kLeafBytes + 100);
  for (uint64_t at = 0; at < f.bytes.size(); at += kGrainBytes) {
    REQUIRE(f.SendRange(at, std::min<uint64_t>(at + kGrainBytes, f.bytes.size())).ok());
  }
  CHECK(f.WriteAll() == 9);
  REQUIRE(f.Complete().ok());
  f.CheckReceived();
}

TEST_CASE(
    "a record of whole leaves is one write, and the edges of another one go with their leaf") {
  FileFixture f(12 * kLeafBytes);
  REQUIRE(f.SendRange(0, 4 * kLeafBytes).ok());
  CHECK(f.WriteAll() == 1);
  REQUIRE(f.SendRange(5 * kLeafBytes - kGrainBytes, 9 * kLeafBytes + kGrainBytes).ok());
  CHECK(f.WriteAll() == 1);
  REQUIRE(f.SendRange(4 * kLeafBytes, 5 * kLeafBytes - kGrainBytes).ok());
  CHECK(f.WriteAll() == 1);
  REQUIRE(f.SendRange(9 * kLeafBytes + kGrainBytes, 12 * kLeafBytes).ok());
  CHECK(f.WriteAll() == 2);
  REQUIRE(f.Complete().ok());
  f.CheckReceived();
}

TEST_CASE("a second record changes no byte of a leaf that is not whole yet") {
  FileFixture f(3 * kLeafBytes);
  REQUIRE(f.SendRange(2 * kGrainBytes, 5 * kGrainBytes).ok());
  REQUIRE(f.SendRange(kLeafBytes + kGrainBytes, kLeafBytes + 2 * kGrainBytes).ok());
  // Other bytes where some are there, in the middle of a leaf and over its whole length.
  REQUIRE(f.SendRange(2 * kGrainBytes, 5 * kGrainBytes, 1).ok());
  REQUIRE(f.SendRange(kLeafBytes + kGrainBytes, kLeafBytes + 2 * kGrainBytes, 1).ok());
  REQUIRE(f.SendRange(0, 3 * kLeafBytes).ok());
  REQUIRE(f.SendRange(0, 3 * kLeafBytes, 1).ok());
  CHECK(f.Find(f.id)->arrived_bytes == 3 * kLeafBytes);
  REQUIRE(f.Complete().ok());
  f.CheckReceived();
}

TEST_CASE("a leaf for which the pool has no room in one piece is written in its parts") {
  // Sixteen pages with parts, two with the last record, and one less than the leaf needs.
  FileFixture f(kLeafBytes, true, (2 * kLeafGrains + 1) * PagePool::kPageBytes);
  for (size_t i = 0; i < kLeafGrains; ++i) {
    REQUIRE(f.SendRange(i * kGrainBytes, (i + 1) * kGrainBytes).ok());
  }
  CHECK(f.WriteAll() == kLeafGrains);
  REQUIRE(f.Complete().ok());
  f.CheckReceived();
}

TEST_CASE("a stream that ends within a leaf is whole with its completion") {
  FileFixture f(kLeafBytes + 3 * kGrainBytes, false);
  REQUIRE(f.SendRange(kLeafBytes, kLeafBytes + kGrainBytes).ok());
  REQUIRE(f.SendRange(kLeafBytes + kGrainBytes, kLeafBytes + 3 * kGrainBytes).ok());
  REQUIRE(f.SendRange(0, kLeafBytes).ok());
  CHECK(f.WriteAll() == 1);
  CHECK(f.receiver.partial_leaves() == 1);
  REQUIRE(f.Complete().ok());
  f.CheckReceived();
}

TEST_CASE("the end of a stream cannot lie before what has come of it") {
  FileFixture f(kLeafBytes, false);
  REQUIRE(f.SendRange(3 * kGrainBytes, 4 * kGrainBytes).ok());
  CHECK_FALSE(f.SendRange(3 * kGrainBytes, 4 * kGrainBytes - 5).ok());
  CHECK_FALSE(f.SendRange(0, kGrainBytes + 5).ok());
  CHECK_FALSE(
      f.receiver.OnComplete(CompleteFrame{f.id, FileIndex(0), 4 * kGrainBytes - 1, {}}).ok());
  CHECK(f.receiver.OnComplete(CompleteFrame{f.id, FileIndex(0), 4 * kGrainBytes, {}}).ok());
}

TEST_CASE("data off the grid of 1 KiB is a violation, except at a file's end") {
  FileFixture f(kLeafBytes + 5);
  CHECK_FALSE(f.SendRange(0, 100).ok());
  CHECK_FALSE(f.SendRange(0, kGrainBytes + 1).ok());
  CHECK_FALSE(f.SendRange(kGrainBytes, kLeafBytes - 1).ok());
  CHECK(f.SendRange(kLeafBytes, kLeafBytes + 5).ok());
  CHECK(f.SendRange(kLeafBytes - kGrainBytes, kLeafBytes + 5).ok());
}

TEST_CASE("bytes that wait for the rest of their leaf do not wait for the sink") {
  FileFixture f(2 * kLeafBytes);
  REQUIRE(f.SendRange(0, kLeafBytes - kGrainBytes).ok());
  CHECK_FALSE(f.receiver.WaitsForSink());
  REQUIRE(f.SendRange(kLeafBytes - kGrainBytes, kLeafBytes).ok());
  CHECK(f.receiver.WaitsForSink());
}

}  // namespace
}  // namespace millrace
