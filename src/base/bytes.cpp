#include "base/bytes.h"

#include <cstring>

namespace millrace {

size_t VarintLength(uint64_t value) {
  if (value < (uint64_t{1} << 6)) return 1;
  if (value < (uint64_t{1} << 14)) return 2;
  if (value < (uint64_t{1} << 30)) return 4;
  return 8;
}

ByteView ByteReader::Fail() {
  ok_ = false;
  rest_ = {};
  return {};
}

uint64_t ByteReader::Fixed(size_t length) {
  if (rest_.size() < length) {
    Fail();
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < length; ++i) value = value << 8 | rest_[i];
  rest_ = rest_.subspan(length);
  return value;
}

uint64_t ByteReader::Varint() {
  if (rest_.empty()) {
    Fail();
    return 0;
  }
  const unsigned prefix = rest_.front() >> 6;
  const size_t length = size_t{1} << prefix;
  const uint64_t value = Fixed(length);
  return value & ((uint64_t{1} << (8 * length - 2)) - 1);
}

uint32_t ByteReader::Varint32() {
  const uint64_t value = Varint();
  if (value > UINT32_MAX) {
    Fail();
    return 0;
  }
  return static_cast<uint32_t>(value);
}

ByteView ByteReader::Bytes(size_t length) {
  if (rest_.size() < length) return Fail();
  const ByteView bytes = rest_.first(length);
  rest_ = rest_.subspan(length);
  return bytes;
}

ByteView ByteReader::LengthPrefixed(size_t limit) {
  const uint64_t length = Varint();
  if (length > limit) return Fail();
  return Bytes(static_cast<size_t>(length));
}

void ByteWriter::Fixed(uint64_t value, size_t length) {
  if (!ok_ || room() < length) {
    ok_ = false;
    return;
  }
  for (size_t i = 0; i < length; ++i) {
    buffer_[size_ + i] = static_cast<uint8_t>(value >> (8 * (length - 1 - i)));
  }
  size_ += length;
}

void ByteWriter::Varint(uint64_t value) {
  switch (VarintLength(value)) {
    case 1:
      return Fixed(value, 1);
    case 2:
      return Fixed(value | uint64_t{1} << 14, 2);
    case 4:
      return Fixed(value | uint64_t{2} << 30, 4);
    default:
      if (value > kMaxVarint) {
        ok_ = false;
        return;
      }
      return Fixed(value | uint64_t{3} << 62, 8);
  }
}

void ByteWriter::Bytes(ByteView bytes) {
  if (!ok_ || room() < bytes.size()) {
    ok_ = false;
    return;
  }
  if (!bytes.empty()) std::memcpy(buffer_.data() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void ByteWriter::Zeros(size_t length) {
  if (!ok_ || length > room()) {
    ok_ = false;
    return;
  }
  std::fill_n(buffer_.begin() + static_cast<std::ptrdiff_t>(size_), length, uint8_t{0});
  size_ += length;
}

void ByteWriter::LengthPrefixed(ByteView bytes) {
  Varint(bytes.size());
  Bytes(bytes);
}

}  // namespace millrace
