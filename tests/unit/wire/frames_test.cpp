#include "wire/frames.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace millrace {
namespace {

std::vector<uint8_t> Encoded(const Frame& frame) {
  std::vector<uint8_t> bytes(64 * 1024);
  ByteWriter writer(bytes);
  EncodeFrame(frame, writer);
  REQUIRE(writer.ok());
  bytes.resize(writer.size());
  return bytes;
}

std::vector<uint8_t> EncodedEntry(const FileEntry& entry) {
  std::vector<uint8_t> bytes(FileEntryLength(entry));
  ByteWriter writer(bytes);
  EncodeFileEntry(entry, writer);
  REQUIRE(writer.ok());
  REQUIRE(writer.size() == bytes.size());
  return bytes;
}

Digest SomeDigest() {
  Digest digest;
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<uint8_t>(i * 7);
  return digest;
}

std::vector<Frame> OneOfEach(const std::vector<uint8_t>& entry, const std::vector<uint8_t>& data) {
  AckFrame ack;
  ack.lane = LaneId(3);
  ack.largest_received_at = Timestamp::FromMicros(123456789);
  ack.ranges[0] = Range{90, 100};
  ack.ranges[1] = Range{50, 60};
  ack.ranges[2] = Range{0, 1};
  ack.range_count = 3;
  HaveFrame have{TransferId(13), FileIndex(5), {}, 2};
  have.ranges[0] = Range{0, kLeafBytes};
  have.ranges[1] = Range{3 * kLeafBytes, 3 * kLeafBytes + 7};
  return {
      have,
      ResumeFrame{300},
      PaddingFrame{},
      PingFrame{42},
      PongFrame{43, Timestamp::FromMicros(1'234'567)},
      ack,
      ManifestFrame{TransferId(4), {7, 8, 9}, 2, 1, 1, entry},
      AcceptFrame{TransferId(5)},
      RejectFrame{TransferId(6), "no, thank you"},
      CreditFrame{TransferId(7), 1u << 20},
      CompleteFrame{TransferId(8), FileIndex(2), 77, SomeDigest()},
      ReceiptFrame{TransferId(9), FileIndex(3), 78, SomeDigest()},
      CancelFrame{TransferId(10), ErrorCode::kSinkFailed, "disk"},
      PauseFrame{TransferId(11), true},
      SignalFrame{"{\"sdp\":1}"},
      MessageFrame{true, data},
      CloseFrame{ErrorCode::kBadRecord, "forged"},
      DataFrame{TransferId(12), FileIndex(4), kLeafBytes * 9, data},
  };
}

TEST_CASE("every frame decodes to what was encoded, and only whole") {
  const std::vector<uint8_t> entry = EncodedEntry(FileEntry{9, 1, "a/b", "text/plain"});
  const std::vector<uint8_t> data = {1, 2, 3};
  for (const Frame& frame : OneOfEach(entry, data)) {
    const std::vector<uint8_t> bytes = Encoded(frame);
    ByteReader reader(bytes);
    const Result<Frame> decoded = DecodeFrame(reader);
    REQUIRE(decoded.ok());
    CHECK(reader.AtEnd());
    CHECK(decoded.value().index() == frame.index());
    CHECK(Encoded(decoded.value()) == bytes);
    // DATA reaches to the end of its record, so cutting it only shortens its payload.
    const bool is_data = std::holds_alternative<DataFrame>(frame);
    for (size_t length = 1; length < bytes.size() && !is_data; ++length) {
      ByteReader cut(ByteView(bytes).first(length));
      const Result<Frame> result = DecodeFrame(cut);
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().code == ErrorCode::kProtocolViolation);
    }
  }
}

TEST_CASE("an unknown frame type is a violation") {
  const std::vector<uint8_t> bytes = {0x3f, 0, 0, 0};
  ByteReader reader(bytes);
  const Result<Frame> frame = DecodeFrame(reader);
  REQUIRE_FALSE(frame.ok());
  CHECK(frame.error().code == ErrorCode::kProtocolViolation);
}

TEST_CASE("acknowledgement ranges that touch, underflow, are empty or too many are refused") {
  const auto decode = [](const std::vector<uint64_t>& numbers) {
    std::vector<uint8_t> bytes(2048);
    ByteWriter writer(bytes);
    writer.U8(static_cast<uint8_t>(FrameType::kAck));
    writer.Varint(1);
    writer.U64(5);
    for (const uint64_t number : numbers) writer.Varint(number);
    ByteReader reader(writer.written());
    return DecodeFrame(reader).ok();
  };
  CHECK(decode({1, 9, 3}));
  CHECK(decode({2, 9, 3, 1, 2}));
  CHECK_FALSE(decode({2, 9, 3, 0, 2}));  // The second range touches the first.
  CHECK_FALSE(decode({1, 9, 11}));       // Reaches below 0.
  CHECK_FALSE(decode({1, 9, 0}));        // Empty.
  CHECK_FALSE(decode({2, 9, 3, 8, 1}));  // The step leads below 0.
  CHECK_FALSE(decode({2, 9, 3, 2, 6}));  // The second range does.
  CHECK_FALSE(decode({0}));              // No range at all.
  CHECK_FALSE(decode({kMaxAckRanges + 1, 9, 1}));
}

TEST_CASE("manifests that contradict themselves are refused") {
  const std::vector<uint8_t> entry = EncodedEntry(FileEntry{9, 1, "a", ""});
  const auto decodes = [&entry](uint32_t total, uint32_t first, uint32_t count) {
    const std::vector<uint8_t> bytes =
        Encoded(ManifestFrame{TransferId(0), {}, total, first, count, entry});
    ByteReader reader(bytes);
    return DecodeFrame(reader).ok();
  };
  CHECK(decodes(1, 0, 1));
  CHECK_FALSE(decodes(0, 0, 0));
  CHECK_FALSE(decodes(1, 0, 0));
  CHECK_FALSE(decodes(1, 1, 1));
  CHECK_FALSE(decodes(2, 1, 2));
  CHECK_FALSE(decodes(UINT32_MAX, UINT32_MAX - 1, UINT32_MAX));
  CHECK(decodes(kMaxOpenFiles, 0, 1));
  CHECK_FALSE(decodes(kMaxOpenFiles + 1, 0, 1));
}

TEST_CASE("file entries with absurd sizes or unusable names are refused") {
  const auto decodes = [](const FileEntry& entry) {
    const std::vector<uint8_t> bytes = EncodedEntry(entry);
    ByteReader reader(bytes);
    return DecodeFileEntry(reader).ok();
  };
  const std::string long_path(kMaxPathBytes, 'x');
  CHECK(decodes(FileEntry{kMaxFileBytes, 0, "a", ""}));
  CHECK_FALSE(decodes(FileEntry{kMaxFileBytes + 1, 0, "a", ""}));
  CHECK_FALSE(decodes(FileEntry{kMaxVarint - 1, 0, "a", ""}));
  CHECK(decodes(FileEntry{std::nullopt, 0, "a", ""}));
  CHECK_FALSE(decodes(FileEntry{1, kMaxVarint, "a", ""}));
  CHECK_FALSE(decodes(FileEntry{1, 0, "", ""}));
  CHECK_FALSE(decodes(FileEntry{1, 0, "\xff", ""}));
  CHECK_FALSE(decodes(FileEntry{1, 0, "a", "\xc0\x80"}));
  CHECK(decodes(FileEntry{1, 0, long_path, ""}));
  CHECK_FALSE(decodes(FileEntry{1, 0, long_path + "x", ""}));
}

TEST_CASE(
    "ranges of HAVE that touch, are empty, off the grid, too many or past the largest file are "
    "refused") {
  const auto decodes = [](const std::vector<uint64_t>& numbers) {
    std::vector<uint8_t> bytes(2048);
    ByteWriter writer(bytes);
    writer.U8(static_cast<uint8_t>(FrameType::kHave));
    writer.Varint(1);
    writer.Varint(2);
    for (const uint64_t number : numbers) writer.Varint(number);
    ByteReader reader(writer.written());
    return DecodeFrame(reader).ok();
  };
  constexpr uint64_t kLeaf = kLeafBytes;
  CHECK(decodes({1, 0, kLeaf}));
  CHECK(decodes({2, kLeaf, kLeaf, kLeaf, 5}));
  CHECK_FALSE(decodes({2, 0, kLeaf, 0, kLeaf}));
  CHECK_FALSE(decodes({1, 0, 0}));
  CHECK_FALSE(decodes({1, 1, kLeaf}));
  CHECK_FALSE(decodes({2, 0, 5, kLeaf, kLeaf}));
  CHECK_FALSE(decodes({0}));
  CHECK_FALSE(decodes({kMaxAckRanges + 1, 0, kLeaf}));
  CHECK_FALSE(decodes({1, kLeaf, kMaxFileBytes}));
  CHECK_FALSE(decodes({1, kMaxVarint, kMaxVarint}));
}

TEST_CASE("data off the leaf grid or past the largest file is refused") {
  const std::vector<uint8_t> payload = {1};
  const auto decodes = [&payload](uint64_t offset) {
    const std::vector<uint8_t> bytes =
        Encoded(DataFrame{TransferId(0), FileIndex(0), offset, payload});
    ByteReader reader(bytes);
    return DecodeFrame(reader).ok();
  };
  CHECK(decodes(0));
  CHECK(decodes(kLeafBytes));
  CHECK_FALSE(decodes(1));
  CHECK_FALSE(decodes(kLeafBytes - 1));
  CHECK_FALSE(decodes(kLeafBytes + 1));
  CHECK_FALSE(decodes(kMaxFileBytes + 1));
  CHECK_FALSE(decodes(kMaxVarint));
}

TEST_CASE("the data header fits into its stated room at its longest") {
  std::vector<uint8_t> room(kMaxDataHeaderBytes);
  ByteWriter writer(room);
  EncodeDataHeader(DataFrame{TransferId(UINT32_MAX), FileIndex(UINT32_MAX), kMaxFileBytes, {}},
                   writer);
  CHECK(writer.ok());
}

TEST_CASE("a pong whose time is out of range is a violation") {
  std::vector<uint8_t> bytes(17);
  for (const int64_t micros : {int64_t{-1}, INT64_MIN}) {
    ByteWriter writer(bytes);
    EncodeFrame(PongFrame{1, Timestamp::FromMicros(micros)}, writer);
    REQUIRE(writer.size() == bytes.size());
    ByteReader reader(bytes);
    const Result<Frame> frame = DecodeFrame(reader);
    REQUIRE_FALSE(frame.ok());
    CHECK(frame.error().code == ErrorCode::kProtocolViolation);
  }
}

TEST_CASE("an acknowledgement is cut to the newest ranges that fit, to the byte") {
  AckFrame ack;
  ack.lane = LaneId(7);
  for (uint64_t i = 0; i < kMaxAckRanges; ++i) {
    const uint64_t end = 1'000'000 - i * (i < 20 ? 3 : 300);
    ack.ranges[ack.range_count++] = Range{end - 1, end};
  }
  size_t most = 0;
  for (size_t room = 0; room < kMaxAckFrameBytes; ++room) {
    AckFrame cut = ack;
    const bool fits = TrimAck(cut, room);
    CHECK(fits == (cut.range_count > 0));
    CHECK(cut.range_count >= most);
    most = cut.range_count;
    if (!fits) continue;
    std::vector<uint8_t> bytes(room);
    ByteWriter writer(bytes);
    EncodeFrame(cut, writer);
    REQUIRE(writer.ok());
    // One more would not have fitted.
    CHECK((cut.range_count == ack.range_count || room - writer.size() < 5));
  }
  CHECK(most == ack.range_count);
}

TEST_CASE("pings, pongs, acknowledgements and padding call for no acknowledgement, all else does") {
  CHECK_FALSE(IsAckEliciting(AckFrame{}));
  CHECK_FALSE(IsAckEliciting(PaddingFrame{}));
  CHECK_FALSE(IsAckEliciting(PingFrame{}));
  CHECK_FALSE(IsAckEliciting(PongFrame{}));
  CHECK(IsAckEliciting(DataFrame{}));
}

}  // namespace
}  // namespace millrace
