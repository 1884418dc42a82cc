#include "send/sender.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <deque>

namespace millrace {
namespace {

constexpr size_t kPoolBytes = 9 * 1024 * 1024;

// A sender with a source that answers when it is told to, and a peer that accepts and grants all.
struct Fixture {
  explicit Fixture(size_t pool_bytes = kPoolBytes) : sender(pool_bytes, memory, frames, events) {
    sender.SetPieceBytes(8 * kLeafBytes);
  }

  TransferId Offer(std::optional<uint64_t> size) {
    const std::vector<FileInfo> files = {FileInfo{size, 0, "f", ""}};
    const TransferId id = sender.Offer(FileList(files), {});
    REQUIRE(sender.OnAccept(AcceptFrame{id}).ok());
    REQUIRE(sender.OnCredit(CreditFrame{id, kMaxFileBytes}).ok());
    return id;
  }

  // Takes all reads there are now; answers how many bytes of `id` they ask for.
  size_t Read(TransferId id) {
    size_t bytes = 0;
    while (const auto read = sender.PollRead()) {
      if (read->transfer == id) bytes += read->bytes.size();
      reads.push_back(*read);
    }
    return bytes;
  }

  // The source answers what was asked of `id`, in full.
  void Answer(TransferId id) {
    std::deque<ReadRequest> rest;
    for (const ReadRequest& read : reads) {
      if (read.transfer == id) {
        sender.ReadDone(read.piece, read.bytes.size());
      } else {
        rest.push_back(read);
      }
    }
    reads = rest;
  }

  // Reads and answers for `id` until it may read no more ahead.
  void Fill(TransferId id) {
    while (Read(id) > 0) Answer(id);
  }

  // Sends all that may go; the peer acknowledges it. Answers how many bytes, headers included.
  size_t Deliver() {
    size_t bytes = 0;
    while (const auto piece = sender.NextPiece()) {
      bytes += piece->plaintext.size();
      sender.OnAcked(*piece->piece);
    }
    return bytes;
  }

  MemoryBudget memory{kMaxStateBytes};
  FrameQueue frames{memory};
  EventQueue events;
  Sender sender;
  std::deque<ReadRequest> reads;
};

TEST_CASE("one transfer reads as far ahead as all may together, and on as pieces leave") {
  Fixture f;
  const TransferId id = f.Offer(20'000'000);
  f.Fill(id);
  const size_t ahead = f.sender.pool_used_bytes();
  CHECK(ahead > Sender::kReadAheadBytes);
  CHECK(ahead < Sender::kReadAheadBytes + 256 * 1024);
  CHECK(f.Read(id) == 0);
  REQUIRE(f.sender.NextPiece());
  CHECK(f.Read(id) > 0);
}

TEST_CASE("a paused transfer keeps no other one from being read and sent") {
  Fixture f;
  const TransferId large = f.Offer(20'000'000);
  f.Fill(large);
  f.sender.SetPausedHere(large, true);
  CHECK_FALSE(f.sender.HasMore());
  CHECK_FALSE(f.sender.HasPiece());
  const TransferId small = f.Offer(100);
  CHECK(f.Read(small) == 100);
  f.Answer(small);
  REQUIRE(f.sender.HasPiece());
  const std::optional<OutgoingPiece> piece = f.sender.NextPiece();
  REQUIRE(piece);
  // Nothing more is to come: what is on its way is the tail.
  CHECK_FALSE(f.sender.HasMore());
  CHECK(f.sender.HasTail());
  CHECK(f.sender.IsTail(*piece->piece));
  f.sender.OnAcked(*piece->piece);
  CHECK(f.sender.DeliveredBytes(small) == 100);
}

TEST_CASE("paused transfers together leave the pool to the others") {
  Fixture f;
  for (size_t i = 0; i + 1 < kMaxOpenTransfers; ++i) {
    const TransferId id = f.Offer(20'000'000);
    f.Fill(id);
    CHECK(f.sender.HasPiece());
    f.sender.SetPausedHere(id, true);
  }
  CHECK(f.sender.pool_used_bytes() < kPoolBytes * 3 / 4);
  const TransferId id = f.Offer(5'000'000);
  size_t sent = 0;
  while (f.Read(id) > 0) {
    f.Answer(id);
    sent += f.Deliver();
  }
  CHECK(sent > 5'000'000);
  CHECK(f.sender.DeliveredBytes(id) == 5'000'000);
}

TEST_CASE("a source that does not answer keeps no other one from being read to its end") {
  Fixture f;
  const TransferId slow = f.Offer(std::nullopt);
  CHECK(f.Read(slow) > 0);
  const TransferId fast = f.Offer(5'000'000);
  while (f.Read(fast) > 0) {
    f.Answer(fast);
    f.Deliver();
  }
  CHECK(f.sender.DeliveredBytes(fast) == 5'000'000);
  CHECK(f.sender.HasMore());  // Of the stream.
  CHECK(f.sender.HasTail());  // The file's.
}

TEST_CASE("a piece is no tail while more of its transfer is to come") {
  Fixture f;
  const TransferId slow = f.Offer(std::nullopt);
  f.Read(slow);
  f.sender.ReadDone(f.reads.front().piece, f.reads.front().bytes.size());
  const std::optional<OutgoingPiece> piece = f.sender.NextPiece();
  REQUIRE(piece);
  CHECK_FALSE(f.sender.HasTail());
  CHECK_FALSE(f.sender.IsTail(*piece->piece));
}

TEST_CASE("reads take turns among transfers") {
  Fixture f;
  f.Offer(20'000'000);
  f.Offer(20'000'000);
  f.Offer(20'000'000);
  std::vector<uint32_t> order;
  for (int i = 0; i < 6; ++i) order.push_back(f.sender.PollRead()->transfer.value);
  CHECK(order == std::vector<uint32_t>{2, 4, 0, 2, 4, 0});
}

TEST_CASE("tiny files count as the memory that they take") {
  Fixture f;
  const std::vector<FileInfo> files(20'000, FileInfo{1, 0, "f", ""});
  const TransferId id = f.sender.Offer(FileList(files), {});
  REQUIRE(f.sender.OnAccept(AcceptFrame{id}).ok());
  REQUIRE(f.sender.OnCredit(CreditFrame{id, kMaxFileBytes}).ok());
  f.Fill(id);
  CHECK(f.sender.pool_used_bytes() <= Sender::kReadAheadBytes);
}

TEST_CASE("pieces lost while their transfer is paused are sent again, and give back their memory") {
  Fixture f;
  const TransferId id = f.Offer(5'000'000);
  f.Fill(id);
  std::vector<PieceId> sent;
  while (const auto piece = f.sender.NextPiece()) sent.push_back(*piece->piece);
  f.sender.SetPausedHere(id, true);
  for (const PieceId piece : sent) CHECK(f.sender.OnLost(piece));
  CHECK(f.sender.HasPiece());
  CHECK(f.Deliver() > 1'500'000);
  CHECK(f.sender.pool_used_bytes() == 0);
}

TEST_CASE("a lost copy is sent again only when no other one is on its way") {
  Fixture f;
  const TransferId id = f.Offer(100);
  f.Read(id);
  f.Answer(id);
  const PieceId piece = *f.sender.NextPiece()->piece;
  REQUIRE(f.sender.CopyPiece(piece));
  REQUIRE(f.sender.CopyPiece(piece));
  CHECK_FALSE(f.sender.CopyPiece(piece));
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK(f.sender.OnLost(piece));
  CHECK(f.sender.NextPiece()->piece == piece);
  f.sender.OnAcked(piece);
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK(f.sender.DeliveredBytes(id) == 100);
}

TEST_CASE(
    "a transfer that ends gives back what it held, what is being read when its source has it") {
  Fixture f;
  const TransferId id = f.Offer(20'000'000);
  f.Fill(id);
  REQUIRE(f.sender.NextPiece());
  REQUIRE(f.Read(id) > 0);
  f.sender.Fail(id, Error{ErrorCode::kCancelled, ""}, false);
  CHECK(f.sender.pool_used_bytes() > 0);
  f.Answer(id);
  CHECK(f.sender.pool_used_bytes() == 0);
  CHECK_FALSE(f.sender.HasPiece());
  // Nothing of it counts against the next one.
  const TransferId next = f.Offer(20'000'000);
  f.Fill(next);
  CHECK(f.sender.pool_used_bytes() > Sender::kReadAheadBytes);
}

TEST_CASE("a file that is shorter than announced fails its transfer, a stream just ends") {
  Fixture f;
  const bool stream = GENERATE(false, true);
  const TransferId id = f.Offer(stream ? std::nullopt : std::optional<uint64_t>(1000));
  f.Read(id);
  for (const ReadRequest& read : f.reads) f.sender.ReadDone(read.piece, read.offset == 0 ? 10 : 0);
  CHECK(f.Deliver() == (stream ? 10 + 4 : 0));
  const bool failed = f.events.back().type == EventType::kFailed;
  CHECK(failed != stream);
  if (failed) CHECK(f.events.back().error.code == ErrorCode::kSourceChanged);
}

TEST_CASE("files that find no memory are refused, and what they would take is free afterwards") {
  MemoryBudget memory{1024 * 1024};
  FrameQueue frames{memory};
  EventQueue events;
  Sender sender(kPoolBytes, memory, frames, events);
  const std::vector<FileInfo> many(5'000, FileInfo{1, 0, std::string(200, 'f'), ""});
  sender.Offer(FileList(many), {});
  REQUIRE(events.size() == 1);
  CHECK(events.back().type == EventType::kFailed);
  CHECK(events.back().error.code == ErrorCode::kTooLarge);
  CHECK_FALSE(frames.overflowed());
  const std::vector<FileInfo> few(1'000, FileInfo{1, 0, std::string(200, 'f'), ""});
  const TransferId id = sender.Offer(FileList(few), {});
  CHECK(events.size() == 1);
  CHECK(sender.active_transfers() == 1);
  sender.Fail(id, Error{ErrorCode::kCancelled, ""}, false);
  frames.Clear();
  CHECK(memory.free_bytes() == 1024 * 1024);
}

TEST_CASE("a receipt that does not fit what was sent is a violation") {
  Fixture f;
  const TransferId id = f.Offer(100);
  CHECK_FALSE(f.sender.OnReceipt(ReceiptFrame{id, FileIndex(0), 100, {}}).ok());
  f.Read(id);
  f.Answer(id);
  CHECK_FALSE(f.sender.OnReceipt(ReceiptFrame{id, FileIndex(0), 100, {}}).ok());
  CHECK_FALSE(f.sender.OnReceipt(ReceiptFrame{id, FileIndex(1), 100, {}}).ok());
  CHECK(f.sender.active_transfers() == 1);
}

}  // namespace
}  // namespace millrace
