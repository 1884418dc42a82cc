// Bounds-checked reading and writing of bytes in network order, with the variable-length integers
// of RFC 9000, section 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace millrace {

using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;

inline constexpr uint64_t kMaxVarint = (uint64_t{1} << 62) - 1;

// Bytes that `WriteVarint(value)` takes: 1, 2, 4 or 8. `value` is at most kMaxVarint.
size_t VarintLength(uint64_t value);

inline ByteView AsBytes(std::string_view text) {
  return ByteView(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}
inline std::string_view AsText(ByteView bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// Reads from the front. The first read past the end makes `ok()` false for good and every read
// answer zero or nothing, so that a parser may read a whole layout and ask once.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

  uint8_t U8() { return static_cast<uint8_t>(Fixed(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Fixed(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Fixed(4)); }
  uint64_t U64() { return Fixed(8); }
  uint64_t Varint();
  // A varint that must fit in 32 bits; a larger one is a failed read.
  uint32_t Varint32();
  ByteView Bytes(size_t length);
  // A varint length and that many bytes; longer than `limit` is a failed read.
  ByteView LengthPrefixed(size_t limit);

 private:
  uint64_t Fixed(size_t length);
  ByteView Fail();

  ByteView rest_;
  bool ok_ = true;
};

// Writes to the front of a buffer. The first write past the end makes `ok()` false for good and
// writes nothing.
class ByteWriter {
 public:
  explicit ByteWriter(MutableByteView buffer) : buffer_(buffer) {}

  bool ok() const { return ok_; }
  size_t size() const { return size_; }
  size_t room() const { return buffer_.size() - size_; }
  MutableByteView written() const { return buffer_.first(size_); }

  void U8(uint8_t value) { Fixed(value, 1); }
  void U16(uint16_t value) { Fixed(value, 2); }
  void U32(uint32_t value) { Fixed(value, 4); }
  void U64(uint64_t value) { Fixed(value, 8); }
  void Varint(uint64_t value);
  void Bytes(ByteView bytes);
  void LengthPrefixed(ByteView bytes);
  void Zeros(size_t length);

 private:
  void Fixed(uint64_t value, size_t length);

  MutableByteView buffer_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace millrace
