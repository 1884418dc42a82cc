#include "bench/baseline.h"

#include <array>
#include <cstring>

#include "bench/step_timer.h"
#include "crypto/hash_tree.h"
#include "crypto/record_protection.h"
#include "wire/record.h"

namespace millrace::bench {
namespace {

constexpr std::array<uint8_t, kRecordHeaderBytes> kHeader{};

}  // namespace

Baseline::Baseline(ByteView source, size_t record_bytes, size_t records)
    : source_(source),
      record_bytes_(record_bytes),
      records_(records),
      sealed_(records * (record_bytes + kTagBytes)) {}

MutableByteView Baseline::Sealed(size_t index) {
  const size_t length = record_bytes_ + kTagBytes;
  return MutableByteView(sealed_).subspan(index * length, length);
}

BaselineTimes Baseline::Measure() {
  const auto records = static_cast<double>(records_);
  BaselineTimes times;
  times.seal = Seal() / records;
  times.open = Open() / records;
  times.hash = Hash() / records;
  times.memcpy = Copy() / records;
  return times;
}

double Baseline::Seal() {
  const double begin = NowNanos();
  for (size_t i = 0; i < records_; ++i) {
    millrace::Seal(key_, PacketNumber(i), kHeader, Record(i), Sealed(i));
  }
  return NowNanos() - begin;
}

double Baseline::Open() {
  const double begin = NowNanos();
  for (size_t i = 0; i < records_; ++i) {
    if (!millrace::Open(key_, PacketNumber(i), kHeader, Sealed(i))) failed_ = true;
  }
  return NowNanos() - begin;
}

double Baseline::Hash() const {
  const double begin = NowNanos();
  // Volatile, so that no digest is computed in vain.
  volatile uint8_t used = 0;
  for (size_t at = 0; at < records_ * record_bytes_; at += kLeafBytes) {
    used = HashLeaf(source_.subspan(at, kLeafBytes))[0];
  }
  static_cast<void>(used);
  return NowNanos() - begin;
}

double Baseline::Copy() {
  const double begin = NowNanos();
  for (size_t i = 0; i < records_; ++i) {
    std::memcpy(Sealed(i).data(), Record(i).data(), record_bytes_);
  }
  return NowNanos() - begin;
}

}  // namespace millrace::bench
