// What a record costs at the least: its bytes sealed or opened once, hashed once, copied once, with
// nothing around it. Measured on the same amount of memory as the session's way, in turns with it.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace millrace::bench {

// ns for a record.
struct BaselineTimes {
  double seal = 0;
  double open = 0;
  double hash = 0;
  double memcpy = 0;
};

class Baseline {
 public:
  // `source` holds `records` records of `record_bytes`, a multiple of kLeafBytes, and outlives
  // this.
  Baseline(ByteView source, size_t record_bytes, size_t records);

  BaselineTimes Measure();
  // A record did not open.
  bool failed() const { return failed_; }

 private:
  double Seal();
  double Open();
  double Hash() const;
  double Copy();

  ByteView Record(size_t index) const {
    return source_.subspan(index * record_bytes_, record_bytes_);
  }
  MutableByteView Sealed(size_t index);

  ByteView source_;
  size_t record_bytes_;
  size_t records_;
  SecretKey key_{};
  std::vector<uint8_t> sealed_;
  bool failed_ = false;
};

}  // namespace millrace::bench
