#include "send/sender.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <deque>

namespace millrace {
namespace {

constexpr size_t kPoolBytes = 9 * 1024 * 1024;
constexpr size_t kChunkBytes = 8 * kLeafBytes;

// A sender with a source that answers when it is told to, and a peer that accepts and grants all.
struct Fixture {
  explicit Fixture(size_t pool_bytes = kPoolBytes) : sender(pool_bytes, memory, frames, events) {
    sender.SetChunkBytes(kChunkBytes);
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
        sender.ReadDone(read.chunk, read.bytes.size());
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

  std::optional<OutgoingPiece> Next(size_t most_bytes = kChunkBytes) {
    return sender.NextPiece(most_bytes);
  }

  // Sends all that may go; the peer acknowledges it. Answers how many bytes of payload.
  size_t Deliver(size_t most_bytes = kChunkBytes) {
    size_t bytes = 0;
    while (const auto piece = Next(most_bytes)) {
      bytes += piece->payload.size();
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
  CHECK(ahead >= Sender::kReadAheadBytes);
  CHECK(ahead < Sender::kReadAheadBytes + kChunkBytes);
  CHECK(f.Read(id) == 0);
  REQUIRE(f.Next());
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
  const std::optional<OutgoingPiece> piece = f.Next();
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
  CHECK(sent == 5'000'000);
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
  f.sender.ReadDone(f.reads.front().chunk, f.reads.front().bytes.size());
  const std::optional<OutgoingPiece> piece = f.Next();
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
  while (const auto piece = f.Next()) sent.push_back(*piece->piece);
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
  const PieceId piece = *f.Next()->piece;
  REQUIRE(f.sender.CopyPiece(piece, kChunkBytes));
  REQUIRE(f.sender.CopyPiece(piece, kChunkBytes));
  CHECK_FALSE(f.sender.CopyPiece(piece, kChunkBytes));
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK(f.sender.OnLost(piece));
  CHECK(f.Next()->piece == piece);
  f.sender.OnAcked(piece);
  CHECK_FALSE(f.sender.OnLost(piece));
  CHECK(f.sender.DeliveredBytes(id) == 100);
}

TEST_CASE(
    "a transfer that ends gives back what it held, what is being read when its source has it") {
  Fixture f;
  const TransferId id = f.Offer(20'000'000);
  f.Fill(id);
  REQUIRE(f.Next());
  REQUIRE(f.Read(id) > 0);
  f.sender.Fail(id, Error{ErrorCode::kCancelled, ""}, false);
  CHECK(f.sender.pool_used_bytes() > 0);
  f.Answer(id);
  CHECK(f.sender.pool_used_bytes() == 0);
  CHECK_FALSE(f.sender.HasPiece());
  // Nothing of it counts against the next one.
  const TransferId next = f.Offer(20'000'000);
  f.Fill(next);
  CHECK(f.sender.pool_used_bytes() >= Sender::kReadAheadBytes);
}

TEST_CASE("a file that is shorter than announced fails its transfer, a stream just ends") {
  Fixture f;
  const bool stream = GENERATE(false, true);
  const TransferId id = f.Offer(stream ? std::nullopt : std::optional<uint64_t>(1000));
  f.Read(id);
  for (const ReadRequest& read : f.reads) f.sender.ReadDone(read.chunk, read.offset == 0 ? 10 : 0);
  CHECK(f.Deliver() == (stream ? 10 : 0));
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

// Where a piece lies in its file, from the DATA fields that go with it.
Range PlaceOf(const OutgoingPiece& piece) {
  std::vector<uint8_t> record(piece.fields().begin(), piece.fields().end());
  record.insert(record.end(), piece.payload.begin(), piece.payload.end());
  ByteReader reader(record);
  const Result<Frame> frame = DecodeFrame(reader);
  REQUIRE(frame.ok());
  const auto& data = std::get<DataFrame>(frame.value());
  return Range{data.offset, data.offset + data.payload.size()};
}

TEST_CASE("pieces cover a file once, on the grid, within their limit and their chunk") {
  const auto around = [](size_t n) { return std::vector<size_t>{n - 1, n, n + 1}; };
  std::vector<size_t> sizes = {0, 1};
  for (const size_t n : {kGrainBytes, kLeafBytes, kLeafBytes + kGrainBytes, kChunkBytes,
                         kChunkBytes + kGrainBytes, 2 * kChunkBytes}) {
    for (const size_t size : around(n)) sizes.push_back(size);
  }
  for (const size_t size : sizes) {
    for (const size_t most :
         {size_t{0}, kGrainBytes, 3 * kGrainBytes, kLeafBytes - kGrainBytes, kLeafBytes,
          kLeafBytes + kGrainBytes, 5 * kLeafBytes, size_t{261'120}}) {
      Fixture f;
      const TransferId id = f.Offer(size);
      f.Fill(id);
      uint64_t at = 0;
      while (const auto piece = f.Next(most)) {
        const Range place = PlaceOf(*piece);
        REQUIRE(place.begin == at);
        REQUIRE(place.length() <= std::max(most, kGrainBytes));
        REQUIRE(place.begin / kChunkBytes == (place.end - 1) / kChunkBytes);
        REQUIRE((place.end % kGrainBytes == 0 || place.end == size));
        at = place.end;
        f.sender.OnAcked(*piece->piece);
      }
      REQUIRE(at == size);
      REQUIRE(f.sender.DeliveredBytes(id) == size);
      REQUIRE(f.sender.pool_used_bytes() == 0);
    }
  }
}

TEST_CASE("a lost piece is cut smaller when it is sent again, and merges with its neighbour") {
  Fixture f;
  const TransferId id = f.Offer(kChunkBytes);
  f.Fill(id);
  std::vector<PieceId> sent;
  for (int i = 0; i < 3; ++i) sent.push_back(*f.Next(kLeafBytes)->piece);
  CHECK(f.sender.OnLost(sent[1]));
  CHECK(PlaceOf(*f.Next(kGrainBytes)) == Range{kLeafBytes, kLeafBytes + kGrainBytes});
  CHECK(f.sender.OnLost(sent[2]));
  CHECK(PlaceOf(*f.Next(kChunkBytes)) == Range{kLeafBytes + kGrainBytes, 3 * kLeafBytes});
  CHECK(PlaceOf(*f.Next(kChunkBytes)) == Range{3 * kLeafBytes, kChunkBytes});
  CHECK_FALSE(f.Next());
}

TEST_CASE("a late acknowledgement spares what of its piece was not sent again yet") {
  Fixture f;
  const TransferId id = f.Offer(kChunkBytes);
  f.Fill(id);
  const PieceId whole = *f.Next()->piece;
  CHECK(f.sender.OnLost(whole));
  const PieceId again = *f.Next(kLeafBytes)->piece;
  f.sender.OnAcked(whole);
  CHECK(f.sender.DeliveredBytes(id) == kChunkBytes);
  CHECK_FALSE(f.Next());
  f.sender.OnAcked(again);
  CHECK_FALSE(f.sender.OnLost(again));
  CHECK(f.sender.DeliveredBytes(id) == kChunkBytes);
  CHECK(f.sender.pool_used_bytes() == 0);
}

TEST_CASE("a chunk keeps its memory until the last of its pieces is acknowledged") {
  Fixture f;
  const TransferId id = f.Offer(kChunkBytes);
  f.Fill(id);
  std::vector<PieceId> sent;
  while (const auto piece = f.Next(kGrainBytes)) sent.push_back(*piece->piece);
  REQUIRE(sent.size() == kChunkBytes / kGrainBytes);
  for (size_t i = sent.size(); i-- > 0;) {
    CHECK(f.sender.pool_used_bytes() == kChunkBytes);
    f.sender.OnAcked(sent[i]);
  }
  CHECK(f.sender.pool_used_bytes() == 0);
}

TEST_CASE("a transfer that is paused in the middle of a chunk sends only what was lost of it") {
  Fixture f;
  const TransferId id = f.Offer(kChunkBytes);
  f.Fill(id);
  const PieceId first = *f.Next(kLeafBytes)->piece;
  f.sender.SetPausedHere(id, true);
  CHECK_FALSE(f.Next());
  CHECK(f.sender.OnLost(first));
  CHECK(PlaceOf(*f.Next()) == Range{0, kLeafBytes});
  CHECK_FALSE(f.Next());
  f.sender.SetPausedHere(id, false);
  CHECK(PlaceOf(*f.Next()) == Range{kLeafBytes, kChunkBytes});
}

TEST_CASE("with privacy, pieces are whole leaves, however little the link asks for") {
  Fixture f;
  f.sender.SetPrivacy(true);
  const TransferId id = f.Offer(3 * kLeafBytes + 1);
  f.Fill(id);
  size_t records = 0;
  while (const auto piece = f.Next(kGrainBytes)) {
    const size_t bytes = piece->padding + piece->fields().size() + piece->payload.size();
    CHECK(bytes == kMaxDataHeaderBytes + kLeafBytes);
    ++records;
  }
  CHECK(records == 4);
}

TEST_CASE("a copy of a piece leaves out what has arrived, and fits its lane") {
  Fixture f;
  const TransferId id = f.Offer(kChunkBytes);
  f.Fill(id);
  const PieceId whole = *f.Next()->piece;
  REQUIRE(f.sender.OnLost(whole));
  const PieceId first = *f.Next(kLeafBytes)->piece;
  f.sender.OnAcked(first);
  const PieceId rest = *f.Next()->piece;
  const std::optional<OutgoingPiece> copy = f.sender.CopyPiece(whole, 2 * kLeafBytes);
  REQUIRE(copy);
  CHECK(PlaceOf(*copy) == Range{kLeafBytes, 3 * kLeafBytes});
  CHECK_FALSE(f.sender.OnLost(*copy->piece));
  CHECK(f.sender.OnLost(rest));
}

TEST_CASE("a transfer reads less at once where paused ones have torn the pool, and then goes on") {
  Fixture f(40 * kLeafBytes);
  f.sender.SetChunkBytes(kLeafBytes);
  std::vector<TransferId> gone;
  for (int i = 0; i < 40; ++i) {
    const TransferId id = f.Offer(kLeafBytes);
    f.Fill(id);
    f.sender.SetPausedHere(id, true);
    if (i % 2 == 1) gone.push_back(id);
  }
  REQUIRE(f.sender.pool_used_bytes() == 40 * kLeafBytes);
  for (const TransferId id : gone) f.sender.Fail(id, Error{ErrorCode::kCancelled, ""}, false);
  f.sender.SetChunkBytes(kChunkBytes);
  const TransferId id = f.Offer(5 * kLeafBytes);
  size_t sent = 0;
  while (f.Read(id) > 0) {
    f.Answer(id);
    sent += f.Deliver();
  }
  CHECK(sent == 5 * kLeafBytes);
}

}  // namespace
}  // namespace millrace
